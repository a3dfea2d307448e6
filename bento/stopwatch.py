"""Where the time of a request goes."""

from __future__ import annotations

import time


class Stopwatch:
    """Laps in milliseconds since it was made."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """End the lap ``name`` and begin the next."""
        now = time.perf_counter()
        self.laps[name] = round(1000 * (now - self._last), 3)
        self._last = now

    @property
    def total(self) -> float:
        """Milliseconds since the start."""
        return round(1000 * (time.perf_counter() - self._began), 3)
