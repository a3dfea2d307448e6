"""One deployment as a client sees it: an address, a key, connections that are kept open."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpcore2 as httpcore

from assay.errors import ConfigError, SourceUnavailable
from assay.outbound import USER_AGENT, retry_after

KEY_VARIABLE = "ASSAY_API_KEY"
DETECT = "/v1/detect"
KEPT = frozenset(
    {
        *("id", "label", "score", "needs_review", "model_version", "serving_plan"),
        *("answered_from", "timings", "code"),
    }
)
"""Fields of an answer that a load remembers: thousands of whole ones would fill the memory."""
_MODEL = "/v1/model"
_IDLE = 4.0
"""Seconds that a connection may rest: less than uvicorn's five, or requests would meet its end."""
_FAILURES = httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError
_BOUNDARY = uuid.uuid4().hex.encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one image."""

    status: int
    """Of HTTP; 0 where no answer came."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """The JSON object of the body; empty where there was none."""
    error: str = ""
    """Why there is no verdict, with the code of the contract where the service gave one."""
    retry_after: float = 0.0
    """Seconds that the service asks for."""


class Deployment:
    """A service at an address; safe to use from many threads.

    ``url`` may have a path before ``/v1``; ``key`` is sent as a bearer token; ``timeout`` bounds,
    in seconds, connecting and each read. Nothing is sent twice and no redirect is followed: what
    fails here fails for clients too. Raises `ConfigError` for an address or key that cannot be one.
    """

    def __init__(self, url: str, key: str = "", timeout: float = 60.0) -> None:
        self.url = _checked(url)
        self.timeout = timeout
        self._headers = {"Host": urlsplit(self.url).netloc, "User-Agent": USER_AGENT}
        if key:
            if not (key.isascii() and key.isprintable()):
                raise ConfigError(
                    f"the API key in {KEY_VARIABLE} holds odd characters; copy it anew"
                )
            self._headers["Authorization"] = f"Bearer {key}"
        self._pool = httpcore.ConnectionPool(max_connections=None, keepalive_expiry=_IDLE)

    def model(self) -> Mapping[str, Any]:
        """What ``/v1/model`` says; empty for a key that may not read it.

        Raises `SourceUnavailable` where no Assay service answers, or one that is not ready, and
        `ConfigError` where a key is missing or refused.
        """
        reply = self._request("GET", _MODEL)
        if reply.status == HTTPStatus.UNAUTHORIZED:
            raise ConfigError(f"{self.url} refuses the API key; give one in {KEY_VARIABLE}")
        if reply.status == HTTPStatus.FORBIDDEN and "code" in reply.found:
            return {}
        if not reply.status or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise SourceUnavailable(f"{self.url} does not answer: {reply.error}")
        if reply.status != HTTPStatus.OK or not {"version", "question"} <= reply.found.keys():
            raise SourceUnavailable(
                f"{self.url} is no Assay deployment: {_MODEL} gives {reply.error or 'other JSON'}; "
                "correct the address"
            )
        return reply.found

    def detect(
        self, image: bytes, fields: Mapping[str, str], path: str = DETECT, idempotency: str = ""
    ) -> Reply:
        """The reply to one image; whatever goes wrong is in it, nothing is raised.

        What is sent again under the same ``idempotency`` key is answered as the first time.
        """
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY.decode()}"}
        headers |= {"Idempotency-Key": idempotency} if idempotency else {}
        reply = self._request("POST", path, form(image, fields), headers)
        kept = {name: value for name, value in reply.found.items() if name in KEPT}
        return replace(reply, found=kept)

    def ask(self, method: str, path: str, said: Mapping[str, Any] | None = None) -> Reply:
        """The reply of any route, ``said`` sent as JSON; as `detect`, nothing is raised."""
        if said is None:
            return self._request(method, path)
        body = json.dumps(said).encode()
        return self._request(method, path, body, {"Content-Type": "application/json"})

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _request(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        names = ("connect", "read", "write", "pool")
        sent: dict[str | bytes, str | bytes] = dict(self._headers.items())
        sent.update(headers or {})
        try:
            answer = self._pool.request(
                method,
                self.url + path,
                headers=sent,
                content=content or None,
                extensions={"timeout": dict.fromkeys(names, self.timeout)},
            )
        except _FAILURES as error:
            return Reply(0, error=_told(error, self.timeout))
        return _reply(answer)


def form(image: bytes, fields: Mapping[str, str]) -> bytes:
    """The multipart body of one image and its ``fields``."""
    line = b"--%s\r\nContent-Disposition: form-data; name=" % _BOUNDARY
    texts = b"".join(
        line + f'"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()
    )
    head = texts + line + b'"file"; filename="image"\r\n\r\n'
    return head + image + b"\r\n--%s--\r\n" % _BOUNDARY


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_plain = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise ConfigError(f"{url!r} is no address ({error})") from error
    extra = parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in ("http", "https") or not is_plain or extra or not url.isascii():
        raise ConfigError(
            f"{url!r} is no address of a deployment; write it as http://HOST:PORT or https://HOST"
        )
    return url.rstrip("/")


def _reply(answer: httpcore.Response) -> Reply:
    found = _object(answer.content)
    headers = {name.lower(): value for name, value in answer.headers}
    wait = retry_after(headers.get(b"retry-after", b"").decode("latin-1"), time.time())
    return Reply(
        answer.status,
        found,
        "" if answer.status == HTTPStatus.OK and found else _refusal(answer.status, found),
        wait or 0.0,
    )


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(status: int, found: Mapping[str, Any]) -> str:
    if "code" in found:
        return f"{status} {found['code']}"
    return f"{status} without a JSON object" if status == HTTPStatus.OK else str(status)


def _told(error: Exception, timeout: float) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return f"no answer within {timeout:g} s"
    return str(error) or type(error).__name__
