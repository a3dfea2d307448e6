"""How many images are in work at once: a counter at the door instead of a queue without end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from assay.intake import ImageFacts
from bento import metrics
from bento.refusals import Overloaded

LARGE = 8_000_000
"""Pixels; from here on measuring takes ten seconds and more, to below a second at half a million.
"""
_WEIGHT = 0.1
"""Of the newest request in the moving average of how long one takes."""


def is_large(identity: ImageFacts) -> bool:
    """Whether measuring an image takes so long that others have to be protected from it."""
    return identity.width * identity.height > LARGE


class Admission:
    """Lets ``limit`` images in; lives on one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_work = 0
        self.refused = 0
        self._seconds = 1.0

    @contextmanager
    def admit(self, count: int = 1) -> Iterator[None]:
        """Hold ``count`` places; raises `Overloaded` where there are not as many."""
        if self.in_work + count > self.limit:
            self.refused += 1
            metrics.REFUSED.inc()
            raise Overloaded(self.limit, self.retry_after)
        self._count(count)
        began = time.monotonic()
        try:
            yield
        finally:
            self._count(-count)
            self._seconds += _WEIGHT * (time.monotonic() - began - self._seconds)

    def _count(self, change: int) -> None:
        self.in_work += change
        metrics.ADMITTED.set(self.in_work)

    @property
    def retry_after(self) -> int:
        """Whole seconds after which a place is likely free: how long one image takes at present."""
        return max(1, round(self._seconds))
