"""A connection whose every answer ends: after so many bytes and so many seconds.

The client library's own timeout counts between two reads, so that an answer that comes drop by drop
would never be over; and it reads whatever comes into memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2


def transport(seconds: float, most_bytes: int) -> httpx2.BaseTransport:
    """What `httpx2.Client` sends through; answers that go too far end as errors of httpx2."""
    import httpx2

    limit = f"takes over {seconds:g} s"

    class Counted(httpx2.SyncByteStream):
        def __init__(self, stream: httpx2.SyncByteStream) -> None:
            self._stream, self._end = stream, time.monotonic() + seconds

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for part in self._stream:
                size += len(part)
                if size > most_bytes or time.monotonic() > self._end:
                    raise httpx2.ReadError(f"the answer has over {most_bytes:,} bytes or {limit}")
                yield part

        def close(self) -> None:
            self._stream.close()

    class Bounded(httpx2.HTTPTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = super().handle_request(request)
            if answer.headers.get("content-encoding", "identity") != "identity":
                answer.close()  # what it unpacks to is known too late
                raise httpx2.DecodingError("the answer is packed, which was not asked for")
            stream: Any = answer.stream
            answer.stream = Counted(stream)
            return answer

    return Bounded()
