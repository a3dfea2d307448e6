"""Where a release can be rolled out to: the small interface that all targets share.

start -> (share, observe)* -> promote | abandon          and later: roll_back
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from assay.release import Release


class Mode(StrEnum):
    """What a challenger's share of the requests is for."""

    SHADOW = "shadow"
    """It answers copies of requests; its answers are compared and shown to nobody."""
    CANARY = "canary"
    """Its answers are given; a copy of these requests goes to the one that answers now."""


@dataclass(frozen=True, slots=True)
class Side:
    """How one of the two did since the share was last changed."""

    requests: int
    errors: int
    """Answers that are the service's fault (5xx, broken connections, time-outs), even where another
    one then answered the client."""
    latencies_ms: tuple[float, ...]
    """Of the answered ones, as far as they were kept: a few thousand at most, the newest."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Both sides, and how far they agree."""

    current: Side
    challenger: Side
    compared: int
    """Requests that both answered."""
    disagreed: int
    """Of these, verdicts with different labels."""
    score_difference: float | None
    """Mean absolute difference of the scores of compared requests."""


class Target(ABC):
    """A place where releases answer."""

    name: ClassVar[str]
    compares: ClassVar[bool] = True
    """Whether it shows requests to both sides; elsewhere `Observation.compared` stays 0."""

    def is_serving(self) -> bool:
        """Whether anything answers there now; where nothing does, a release is only recorded."""
        return True

    @abstractmethod
    def active(self) -> str | None:
        """The name of the release that answers now, or None."""

    @abstractmethod
    def start(self, release: Release) -> None:
        """Bring ``release`` up beside what answers now and wait until it is ready.

        Raises `RolloutFailed` where it does not come up; what answers now is not touched.
        """

    @abstractmethod
    def share(self, share: float, mode: Mode) -> None:
        """Give the challenger this ``share`` (0 to 1) of the requests, and observe anew.

        The same share has to be given again before `LEASE` seconds are over, which goes on
        observing: when whoever watches over the rollout is gone, the target takes it back by
        itself.
        """

    @abstractmethod
    def observe(self) -> Observation:
        """What was seen since the share was last changed.

        Raises `RolloutFailed` where the challenger has ended.
        """

    @abstractmethod
    def promote(self) -> None:
        """Let the challenger answer everything; the one before stays warm for `roll_back`."""

    @abstractmethod
    def abandon(self) -> None:
        """Stop the challenger; what answered before answers everything."""

    @abstractmethod
    def roll_back(self) -> str:
        """Let the release before answer again, in seconds; its name.

        Raises `RolloutFailed` where there is none.
        """


LEASE = 30.0
"""Seconds for which a challenger keeps its share without being given it again."""
