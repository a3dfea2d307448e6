"""How much a figure has changed, from the figures and their intervals alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

import numpy as np
from scipy.special import ndtri

from assay.metrics import COVERAGE
from assay.monitoring.performance_numbers import Figure

_NARROWEST = 1e-6
"""Width below which an interval counts as this wide, so that nothing is divided by zero."""


def change(before: Figure, after: Figure) -> Figure:
    """``after`` minus ``before``, of different captures.

    The interval is recovered from theirs, which need not be symmetric (MOVER: Zou and Donner 2008,
    "Construction of confidence limits about effect measures").
    """
    value = after.value - before.value
    return Figure(
        value=value,
        low=value - hypot(after.value - after.low, before.high - before.value),
        high=value + hypot(after.high - after.value, before.value - before.low),
        n=after.n,
        groups=min(before.groups, after.groups),
    )


def widened(figure: Figure, confidence: float) -> Figure:
    """``figure`` with an interval of ``confidence``, as far as its ends go by the normal law."""
    times = float(ndtri((1 + confidence) / 2) / ndtri((1 + COVERAGE) / 2))
    low = figure.value - times * (figure.value - figure.low)
    high = figure.value + times * (figure.high - figure.value)
    return figure.model_copy(update={"low": low, "high": high})


def pooled(figures: Sequence[Figure]) -> Figure:
    """One figure from those of several windows, weighed by the inverse squares of their widths."""
    widths = np.array([max(one.high - one.low, _NARROWEST) for one in figures])
    shares = widths**-2 / (widths**-2).sum()
    value = float(sum(share * one.value for share, one in zip(shares, figures, strict=True)))
    below = [share * (one.value - one.low) for share, one in zip(shares, figures, strict=True)]
    above = [share * (one.high - one.value) for share, one in zip(shares, figures, strict=True)]
    return Figure(
        value=value,
        low=value - hypot(*below),
        high=value + hypot(*above),
        n=sum(one.n for one in figures),
        groups=sum(one.groups for one in figures),
    )
