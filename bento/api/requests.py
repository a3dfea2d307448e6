"""What holds for every request: its id, its size, its headers back, its line in the log."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.images import MAX_BYTES, MAX_REQUEST
from assay.store.ids import new_id
from bento import logs, metrics
from bento.api.incoming import Bank, Incoming

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ID = "request_id"
_NO_ROUTE = "none"
_LONGEST_ID = 64

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""On every answer that does not set its own."""

MAX_BODY = MAX_REQUEST
MAX_ARCHIVE = 2 * 2**30
"""Bytes of the images of one job."""
MAX_SAID = 2**20
"""Bytes of a request without images: much more than all that can be said in one."""
MAX_HELD = 8 * MAX_BODY
"""Bytes of all requests that are held in memory together, which parsing multiplies by four."""
_ON_DISK = ("/v1/jobs", "/v1/detect/batch")
"""Where forms wait in files, and their images come into memory a few at a time."""
_BODY_LIMITS = {
    "/v1/detect": MAX_BODY, "/v1/jobs": MAX_ARCHIVE, "/v1/detect/batch": 8 * MAX_BYTES
}  # fmt: skip

_PROBES = ("/livez", "/readyz", "/metrics")
"""Asked every few seconds; their lines would drown all others."""

logger = logging.getLogger("assay.requests")


def request_id(request: Request) -> str:
    """The id that this request has in answers and logs."""
    return str(request.scope.get("state", {}).get(_ID, ""))


class Envelope:
    """Gives each request an id, counts its body as it comes in, and seals its answer.

    A body beyond its limit is cut off where that is passed, whatever its headers announced, and so
    is one that comes in too slowly, or finds too many others in memory (`Incoming`). One
    line a request goes to the log ``assay.requests``: never the path as it stands nor the query,
    which may hold secrets, and never the body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._bank = app, Bank(MAX_HELD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        state = scope.setdefault("state", {})
        state[_ID] = _id_of(scope)
        named = logs.request_id.set(state[_ID])
        limit = _BODY_LIMITS.get(scope["path"], MAX_SAID)
        incoming = Incoming(receive, limit, _announced(scope), _bank_of(scope, self._bank))
        sealed = _Sealed(send, state[_ID], _rest_of(scope, incoming))
        try:
            with incoming:
                await self._app(scope, incoming, sealed)
        finally:
            seconds = time.perf_counter() - began
            metrics.request(_route_of(scope), scope["method"], sealed.status, seconds)
            _log(scope, sealed.status, 1000 * seconds)
            logs.request_id.reset(named)


class _Sealed:
    """Sends an answer with its id and the headers that browsers need."""

    def __init__(self, send: Send, given: str, rest: Incoming | None) -> None:
        self._send, self._id, self._rest = send, given, rest
        self.status = 500

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._rest is not None and self.status >= HTTPStatus.BAD_REQUEST:
                await self._rest.skip_rest()
            headers = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            extra = {"x-request-id": self._id, **SECURITY_HEADERS}
            headers += [
                (name.encode(), value.encode())
                for name, value in extra.items()
                if name.encode() not in present
            ]
            message = {**message, "headers": headers}
        await self._send(message)


def _bank_of(scope: Scope, bank: Bank) -> Bank | None:
    """Where the body counts while it is in memory; None where it waits on disk."""
    kind = dict(scope["headers"]).get(b"content-type", b"").lower()
    is_on_disk = scope["path"] in _ON_DISK and kind.startswith(b"multipart/")
    return None if is_on_disk else bank


def _rest_of(scope: Scope, incoming: Incoming) -> Incoming | None:
    """What may still be on its way; nothing where the client waits to be told to send it."""
    waits = dict(scope["headers"]).get(b"expect", b"").lower() == b"100-continue"
    return None if waits else incoming


def _announced(scope: Scope) -> int:
    """Bytes that the body will have by its header, so that a huge one need not be waited for."""
    given = dict(scope["headers"]).get(b"content-length", b"")
    return int(given) if given.isdigit() else 0


def _id_of(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _GIVEN_ID.fullmatch(given) else new_id()


def _route_of(scope: Scope) -> str:
    """The template of the route that serves a request."""
    return getattr(scope.get("route"), "path", "") or _NO_ROUTE


def _ids_of(scope: Scope) -> dict[str, str]:
    """What a path names by id; other parts of paths may be secrets, or anything at all."""
    given = scope.get("path_params", {})
    return {name: str(value)[:_LONGEST_ID] for name, value in given.items() if name.endswith("_id")}


def _log(scope: Scope, status: int, milliseconds: float) -> None:
    method, route, client = scope["method"], _route_of(scope), scope["state"].get("client", "")
    fields = logs.extra(
        method=method,
        route=route,
        **_ids_of(scope),
        status=status,
        ms=round(milliseconds, 1),
        client=client,
    )
    line = "%s %s %d in %.1f ms for %s"
    level = logging.DEBUG if scope["path"] in _PROBES else logging.INFO
    logger.log(level, line, method, route, status, milliseconds, client or "nobody", extra=fields)
