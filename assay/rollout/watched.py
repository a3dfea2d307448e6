"""A target that remembers what was seen of a rollout, moment by moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from assay.release import Release
from assay.rollout.target import Mode, Observation, Target


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at both sides."""

    seconds: float
    """Since the first share was given."""
    share: float
    mode: Mode
    seen: Observation


class Watched(Target):
    """Hands everything on to another target, and keeps the observations."""

    name = "watched"

    def __init__(self, target: Target, on_look: Callable[[], None]) -> None:
        """``on_look`` is called at every observation: somebody still carries the rollout out."""
        self._target, self._on_look = target, on_look
        self._began: float | None = None
        self._share = 0.0, Mode.CANARY
        self.moments: list[Moment] = []

    @property
    def compares(self) -> bool:  # type: ignore[override]  # the other one's
        """As the other target."""
        return self._target.compares

    def is_serving(self) -> bool:
        """As the other target."""
        return self._target.is_serving()

    def active(self) -> str | None:
        """As the other target."""
        return self._target.active()

    def start(self, release: Release) -> None:
        """As the other target."""
        self._target.start(release)

    def share(self, share: float, mode: Mode) -> None:
        """As the other target; the clock begins with the first one."""
        self._began = self._began or time.monotonic()
        self._share = share, mode
        self._target.share(share, mode)

    def observe(self) -> Observation:
        """As the other target, and remembered."""
        seen = self._target.observe()
        seconds = time.monotonic() - (self._began or time.monotonic())
        self.moments.append(Moment(seconds, *self._share, seen))
        self._on_look()
        return seen

    def promote(self) -> None:
        """As the other target."""
        self._target.promote()

    def abandon(self) -> None:
        """As the other target."""
        self._target.abandon()

    def roll_back(self) -> str:
        """As the other target."""
        return self._target.roll_back()
