"""How HTTP itself is read: with a bound on what comes before a body, and the one error body.

uvicorn would take httptools where that is installed, which gathers a head of any length in memory
(60 MiB of one header took ten seconds, in which nobody else was served). h11 stops at 16 KiB.
"""

from __future__ import annotations

import json

import h11
from uvicorn import config
from uvicorn.protocols.http.h11_impl import H11Protocol

from assay.store.ids import new_id


class BoundedHttp(H11Protocol):
    """uvicorn's own, which refuses what is no HTTP in the words of the contract."""

    def send_400_response(self, msg: str) -> None:
        """Answer a request that never reached the application, and hang up."""
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
