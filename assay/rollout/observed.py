"""What targets share whose numbers come from Prometheus: both sides since the share was changed."""

from __future__ import annotations

from assay.errors import RolloutFailed
from assay.rollout.prometheus import Prometheus, Reading, Sides
from assay.rollout.target import Mode, Observation


class Observer:
    """Remembers share and counters; nothing compares answers there, as no request goes twice."""

    def __init__(self, prometheus_url: str, sides: Sides) -> None:
        self._prometheus, self._sides = Prometheus(prometheus_url), sides
        self._share: tuple[float, Mode] | None = None
        self._before: tuple[Reading, Reading] | None = None

    def is_new(self, share: float, mode: Mode) -> bool:
        """Whether this share is another than the last; raises `RolloutFailed` for a shadow."""
        if mode is Mode.SHADOW:
            raise RolloutFailed("requests are copied on target local alone; use strategy=canary")
        return self._share != (share, mode)

    def begin(self, share: float, mode: Mode) -> None:
        """Observe anew from now on."""
        self._before, self._share = self._now(), (share, mode)

    def end(self) -> None:
        """Nobody has a share any more."""
        self._before = self._share = None

    def observation(self) -> Observation:
        """Since `begin`; raises `RolloutFailed` before it, or where Prometheus gives no numbers."""
        if self._before is None:
            raise RolloutFailed("nothing is observed, as no challenger has a share")
        current, challenger = (
            now.since(before) for now, before in zip(self._now(), self._before, strict=True)
        )
        return Observation(current, challenger, compared=0, disagreed=0, score_difference=None)

    def _now(self) -> tuple[Reading, Reading]:
        sides = self._sides
        return (
            Reading.of(self._prometheus, sides.current),
            Reading.of(self._prometheus, sides.challenger),
        )
