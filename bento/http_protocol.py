"""How HTTP itself is read: with a bound on what comes before a body, and the one error body.

uvicorn would take httptools where that is installed, which gathers a head of any length in memory
(60 MiB of one header took ten seconds, in which nobody else was served). h11 stops at 16 KiB.
Neither would ever hang up on somebody who connects and then sends no request, or half of one.
"""

from __future__ import annotations

import asyncio
import json

import h11
from uvicorn import config
from uvicorn.protocols.http.h11_impl import H11Protocol

KEEP_ALIVE = 75
"""Seconds for which a connection waits for its next request: longer than proxies and clients keep
theirs (60 and less), or else one is hung up on now and then while it sends. uvicorn waits for 5."""
HEAD_SECONDS = float(KEEP_ALIVE)
"""In which the head of a request has to come; looked at as often, so that it may take two."""


class BoundedHttp(H11Protocol):
    """uvicorn's own, which refuses what is no HTTP in the words of the contract."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and do not wait for a request without end."""
        super().connection_made(transport)
        self.timeout_keep_alive = KEEP_ALIVE
        self._hang_up_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._look.cancel()
        super().connection_lost(exc)

    def _hang_up_later(self) -> None:
        is_between = self.conn.their_state is h11.IDLE
        self._look = self.loop.call_later(HEAD_SECONDS, self._hang_up, is_between, self.cycle)

    def _hang_up(self, was_between: bool, last: object) -> None:
        """Close what was between two requests at the last look, and is between the same two."""
        if was_between and self.conn.their_state is h11.IDLE and self.cycle is last:
            self.transport.close()
        else:
            self._hang_up_later()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that never reached the application, and hang up."""
        from assay.store.ids import new_id

        sentence = "this is no HTTP/1.1, or its headers are over 16 KiB; correct the request"
        content = {"error": sentence, "code": "invalid_http", "request_id": new_id()}
        body = json.dumps(content).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        events = (
            h11.Response(status_code=400, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def install() -> None:
    """Have every server of this process read HTTP so: BentoML leaves uvicorn's choice to it."""
    config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedHttp.__name__}"
