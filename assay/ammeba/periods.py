"""Splits by time: what was reviewed later is never learned from before what came earlier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from math import isclose
from typing import Self

from pydantic import Field, model_validator

from assay.records import Split
from assay.settings import Settings

PERIODS = (
    Split.TRAIN,
    Split.VALIDATION,
    Split.TEST,
    Split.ONLINE_TEST,
    Split.PRODUCTION,
)
"""From the earliest to the latest."""


class PeriodShares(Settings):
    """Of the rows in the order of their dates; together 1."""

    train: float = Field(10 / 12, gt=0, le=1)
    validation: float = Field(1 / 24, ge=0, lt=1)
    test: float = Field(1 / 24, ge=0, lt=1)
    online_test: float = Field(1 / 24, ge=0, lt=1)
    production: float = Field(1 / 24, ge=0, lt=1)

    @model_validator(mode="after")
    def _make_a_whole(self) -> Self:
        if not isclose(total := sum(self.in_order()), 1, abs_tol=1e-6):
            raise ValueError(f"the shares make {total:g} together, not 1; correct one of them")
        return self

    def in_order(self) -> tuple[float, ...]:
        """The shares of `PERIODS`."""
        return tuple(float(getattr(self, period.value)) for period in PERIODS)


class Periods:
    """Which split a day belongs to: that of its place in the order; no day is in two."""

    def __init__(self, days: Iterable[date], shares: PeriodShares) -> None:
        self._last = _last_days(sorted(days), shares.in_order())

    def split(self, day: date) -> Split:
        """The earliest period that has not ended before ``day``."""
        ends = zip(PERIODS[:-1], self._last, strict=True)
        return next((period for period, end in ends if end and day <= end), PERIODS[-1])


def _last_days(days: Sequence[date], shares: Sequence[float]) -> list[date | None]:
    """The last day of each period but the latest; None for one without days.

    A day that a boundary falls on belongs to the earlier period as a whole.
    """
    last: list[date | None] = []
    reached = 0.0
    for share in shares[:-1]:
        reached += share
        count = round(reached * len(days))
        last.append(days[count - 1] if share and count else None)
    return last
