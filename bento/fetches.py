"""Images that requests name by address, fetched on threads of their own.

A stranger's server may take half a minute over each: on the threads that everything else waits for,
six such addresses held up every other request for as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from assay import fetching
from bento.refusals import Overloaded

AT_ONCE = 32
"""Addresses; each is a thread that mostly waits, and up to 50 MiB."""
_RETRY_AFTER = 5


@dataclass(frozen=True, slots=True)
class Fetches:
    """Fetches up to ``AT_ONCE`` images at once and refuses more; lives on one event loop."""

    _places: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(AT_ONCE))

    async def image(self, url: str) -> bytes:
        """The bytes at ``url``; raises `Overloaded`, and what `fetching.fetch` raises."""
        if self._places.borrowed_tokens >= self._places.total_tokens:
            raise Overloaded(AT_ONCE, _RETRY_AFTER)
        found = await anyio.to_thread.run_sync(fetching.fetch, url, limiter=self._places)
        return found.data
