"""Which captures of a window are what drifted: those where it has more than its reference had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from assay.metrics import Bools
from assay.monitoring.drift import OTHER
from assay.monitoring.numbers import ColumnDrift, Family

if TYPE_CHECKING:
    import pandas as pd

_TIMES = 2.0
"""As many times its share in the reference a bin has to hold: at least half of it is new then."""
_LEAST = 0.02
"""Share of the captures that a bin has to have gained."""


def moved(frame: pd.DataFrame, drifted: Iterable[ColumnDrift]) -> Bools:
    """Whether each capture ``[n]`` lies in a bin that any of the ``drifted`` inputs fills anew.

    Scores and verdicts are no inputs: what the model says of an image makes it no other image.
    Values beyond the bins belong to the outermost ones.
    """
    found = np.zeros(len(frame), bool)
    for column in drifted:
        if column.family is not Family.VERDICT and column.name in frame:
            found |= _in_gained(frame[column.name], column)
    return found


def _in_gained(values: pd.Series, column: ColumnDrift) -> Bools:
    before, now = np.array(column.reference_shares), np.array(column.shares)
    gained = (now >= _TIMES * before) & (now - before >= _LEAST)
    if column.kind == "categorical":
        shown = values.where(values.isin(column.bins), OTHER)
        return shown.isin(np.array(column.bins, object)[gained]).to_numpy(bool)
    numbers = values.to_numpy(float)
    inner = np.array(column.bins, float)[1:-1]
    known = ~np.isnan(numbers)
    found: Bools = known & gained[np.searchsorted(inner, numbers, side="right")]
    return found
