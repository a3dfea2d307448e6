"""Whether requests go on being refused where too few are answered for a window to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from assay.monitoring.numbers import Quality, WindowNumbers
from assay.monitoring.settings import DecisionSettings

_INSTANT = timedelta(microseconds=1)
"""What two moments differ by at least."""


def goes_on(newest: Sequence[WindowNumbers], settings: DecisionSettings) -> bool:
    """Whether most requests of each of the ``newest`` windows were refused, and ever more were."""
    counts = [sum(one.quality.refusals.values()) for one in newest]
    if len(newest) < settings.consecutive or min(counts) < settings.least_refused:
        return False
    shares = [one.quality.refused_share or 0.0 for one in newest]
    return min(*shares, *(_since(*both) for both in pairwise(newest))) > settings.most_refused


def _since(before: WindowNumbers, now: WindowNumbers) -> float:
    """The share that was refused of what came since ``before``.

    Refusals are counted by day, and small windows begin where the last large one ended: each holds
    again what the one before it held. Those that share no day stand for themselves.
    """
    if (before.until - _INSTANT).date() < now.since.date():
        return now.quality.refused_share or 0.0
    (refused, asked), (refused_then, asked_then) = map(_requests, (now.quality, before.quality))
    return (refused - refused_then) / max(asked - asked_then, 1.0)


def _requests(quality: Quality) -> tuple[float, float]:
    """How many were refused, and how many there were."""
    refused = float(sum(quality.refusals.values()))
    return refused, refused / quality.refused_share if quality.refused_share else 0.0
