"""One request for one image, and what its answer means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore2 as httpcore

from assay import addresses, fetching, outbound
from assay.addresses import Target, shown
from assay.downloading.outcomes import DownloadSettings, Refusal
from assay.errors import ForbiddenAddress, ImageTooLarge, SourceUnavailable
from assay.outbound import Deadline

_GONE = (404, 410)
_MAY_PASS = (408, 425, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 527, 529, 530, 598)
"""Beyond the standard's: what content delivery networks say of the server behind them."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server calls the version that it sent; empty where it says nothing (RFC 9110, 13)."""

    etag: str = ""
    last_modified: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """A request's, which make it conditional."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class Body:
    """An answer that may be an image."""

    data: bytes
    validators: Validators


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirect, judged like the first address."""

    target: Target


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The version that we have is the newest."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No image, and for how many seconds the host wants to be left alone, if it says so."""

    refusal: Refusal
    reason: str
    retry_after: float | None = None


Answer = Body | Moved | Unchanged | Failed


def ask(target: Target, known: Validators, settings: DownloadSettings) -> Answer:
    """Ask for ``target`` once; a conditional request where something is ``known``."""
    sent = {
        "Accept": "image/*, */*;q=0.5",
        "Accept-Encoding": "identity",
        "User-Agent": settings.user_agent,
        **known.headers,
    }
    limits, began = settings.outbound, False
    try:
        with outbound.request(
            "GET", target, limits, Deadline(limits.total_seconds), headers=sent
        ) as response:
            began = response.status == 200
            return _answer(target, response, known, settings)
    except ForbiddenAddress as error:
        return Failed(Refusal.FORBIDDEN, str(error))
    except ImageTooLarge as error:
        return Failed(Refusal.TOO_LARGE, str(error))
    except SourceUnavailable as error:
        return Failed(_kind(error, began), str(error))


def _answer(
    target: Target, response: httpcore.Response, known: Validators, settings: DownloadSettings
) -> Answer:
    headers = {name.lower(): value for name, value in response.headers}
    status, told = response.status, f"{shown(target.url)} answers with status {response.status}"
    if status == 200:
        data = fetching.read_body(target, response, headers, settings.max_bytes)
        return Body(data, _validators(headers))
    if status == 304 and known != NO_VALIDATORS:
        return Unchanged()
    if status in fetching.REDIRECTS and b"location" in headers:
        location = headers[b"location"].decode("latin-1")
        return Moved(addresses.follow(target, location, settings.outbound.ports))
    wait = outbound.retry_after(headers.get(b"retry-after", b"").decode("latin-1"), time.time())
    if status == 429 or (status == 503 and wait is not None):
        return Failed(Refusal.RATE_LIMITED, told, wait)
    if status in _GONE:
        return Failed(Refusal.DEAD, told)
    return Failed(Refusal.SERVER_ERROR if status in _MAY_PASS else Refusal.DENIED, told)


def _kind(error: SourceUnavailable, began: bool) -> Refusal:
    if isinstance(error.__cause__, httpcore.TimeoutException):
        return Refusal.TIMED_OUT
    return Refusal.TRUNCATED if began else Refusal.UNREACHABLE


def _validators(headers: Mapping[bytes, bytes]) -> Validators:
    etag, modified = headers.get(b"etag", b""), headers.get(b"last-modified", b"")
    return Validators(_sendable(etag), _sendable(modified))


def _sendable(value: bytes) -> str:
    """A stranger's header as we may send it back: short, and of visible characters."""
    text = value.decode("latin-1").strip()
    return text if len(text) <= 256 and text.isascii() and text.isprintable() else ""
