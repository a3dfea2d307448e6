"""What a rollout allows, and what is to be done after what was observed: a pure decision.

Shares are judged by the exact binomial bound of Clopper and Pearson (1934): a challenger goes back
as soon as its share of errors, of slow answers or of other verdicts is above the limit beyond
chance, and goes on once all shares as measured are within.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydantic import Field, field_validator
from scipy.stats import beta

from assay.errors import ConfigError
from assay.rollout.target import Observation
from assay.settings import Settings

_TAIL = 0.05
"""Share of answers beyond the 95th percentile."""


class Strategy(StrEnum):
    """How a challenger takes over."""

    DIRECT = "direct"
    """Blue/green: it is started, and answers everything once it is ready."""
    SHADOW = "shadow"
    """It is shown copies first; what it says is compared."""
    CANARY = "canary"
    """It gives a growing share of the answers first."""
    SHADOW_CANARY = "shadow_canary"
    """One after the other: nobody is answered by what has not stood its shadow."""

    @property
    def has_shadow(self) -> bool:
        """Whether it is shown copies first."""
        return self in (Strategy.SHADOW, Strategy.SHADOW_CANARY)

    @property
    def has_canary(self) -> bool:
        """Whether it gives a growing share of the answers."""
        return self in (Strategy.CANARY, Strategy.SHADOW_CANARY)


class Action(StrEnum):
    """What is to be done next."""

    CONTINUE = "continue"
    PROMOTE = "promote"
    """On to the next share, or to all."""
    ROLL_BACK = "roll_back"


class RolloutSettings(Settings):
    """How a challenger is tried, and what it may not do."""

    strategy: Strategy = Strategy.CANARY
    steps: tuple[float, ...] = (0.05, 0.25, 0.5)
    """Shares of a canary, one after the other."""
    shadow_share: float = Field(0.25, gt=0, le=1)
    """Share of the requests that a shadow is shown."""
    seconds_per_step: float = Field(60.0, ge=0)
    """How long each share lasts at least."""
    timeout: float = Field(900.0, gt=0)
    """Seconds after which a share that shows too little ends the rollout."""
    minimum_requests: int = Field(50, gt=0)
    """Answers of the challenger, and comparisons, before it may go on."""
    max_error_rate: float = Field(0.01, ge=0, lt=1)
    """Share of its answers that may be its fault: 5xx, broken connections, time-outs."""
    max_latency_ratio: float = Field(2.0, ge=1)
    """How many times the 95th percentile of the current one its own may be."""
    max_disagreement: float = Field(0.05, ge=0, lt=1)
    """Share of compared answers that may have another label."""
    confidence: float = Field(0.99, gt=0.5, lt=1)
    """Of each bound, one-sided."""
    poll_seconds: float = Field(1.0, gt=0)
    """Between two looks."""

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        rising = all(0 < step <= 1 for step in steps) and list(steps) == sorted(set(steps))
        if not steps or not rising:
            raise ConfigError("steps are shares above 0 up to 1, each larger than the one before")
        return steps


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why."""

    action: Action
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Share:
    """How many of a number of answers were of a kind, and how many may be."""

    what: str
    of_kind: int
    total: int
    limit: float

    def lower_bound(self, confidence: float) -> float:
        return lower_bound(self.of_kind, self.total, confidence)

    @property
    def is_within(self) -> bool:
        return self.total == 0 or self.of_kind / self.total <= self.limit

    def __str__(self) -> str:
        return f"{self.of_kind} of {self.total} {self.what}; {100 * self.limit:g} % may"


def decide(
    seen: Observation, settings: RolloutSettings, seconds: float, *, compares: bool = True
) -> Decision:
    """What to do ``seconds`` after the share was given.

    Where the target ``compares`` nothing, it waits for no comparisons.
    """
    shares = _shares(seen, settings)
    broken = [share for share in shares if share.lower_bound(settings.confidence) > share.limit]
    if broken:
        return Decision(Action.ROLL_BACK, tuple(map(str, broken)))
    open_questions = (
        *_missing(seen, settings, compares),
        *(str(s) for s in shares if not s.is_within),
    )
    if not open_questions and seconds >= settings.seconds_per_step:
        return Decision(Action.PROMOTE, tuple(map(str, shares)))
    if seconds >= settings.timeout:
        late = f"after {settings.timeout:g} s it is not shown that it may go on"
        return Decision(Action.ROLL_BACK, (late, *open_questions))
    return Decision(Action.CONTINUE, open_questions)


def lower_bound(of_kind: int, total: int, confidence: float) -> float:
    """The share that ``of_kind`` of ``total`` draws exceeds with ``confidence``, one-sided."""
    if of_kind == 0:
        return 0.0
    return float(beta.ppf(1 - confidence, of_kind, total - of_kind + 1))


def _shares(seen: Observation, settings: RolloutSettings) -> tuple[_Share, ...]:
    challenger = seen.challenger
    errors = _Share(
        "answers were errors", challenger.errors, challenger.requests, settings.max_error_rate
    )
    other = _Share("verdicts were others", seen.disagreed, seen.compared, settings.max_disagreement)
    return errors, _slow(seen, settings), other


def _slow(seen: Observation, settings: RolloutSettings) -> _Share:
    """Answers of the challenger that are too slow; not more than a twentieth may be."""
    current = seen.current.latencies_ms
    if len(current) < settings.minimum_requests:
        return _Share("answers were slow", 0, 0, _TAIL)
    limit = settings.max_latency_ratio * float(np.percentile(current, 100 * (1 - _TAIL)))
    slow = sum(latency > limit for latency in seen.challenger.latencies_ms)
    what = f"answers took longer than {limit:.0f} ms"
    return _Share(what, slow, len(seen.challenger.latencies_ms), _TAIL)


def _missing(seen: Observation, settings: RolloutSettings, compares: bool) -> Iterator[str]:
    """What there is too little of."""
    counts = {
        "answers of the challenger": seen.challenger.requests,
        "answers of the current one to compare times with": len(seen.current.latencies_ms),
    } | ({"comparisons": seen.compared} if compares else {})
    for what, count in counts.items():
        if count < settings.minimum_requests:
            yield f"{count} {what}, of at least {settings.minimum_requests}"
