"""One vote a photograph: shares over images whose crops and twins are no news, with exact limits.

Limits are those of Clopper and Pearson 1934. A photograph whose images are not of one mind gives a
part of a vote, and votes then add up to no whole number, which is rounded away from the middle.
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from assay.metrics import COVERAGE, Bools, Floats, Metric

Groups = npt.NDArray[np.generic]

TAIL = (1 + COVERAGE) / 2
"""Confidence of either end of a two-sided interval."""
_ROUNDING = 1e-9


def votes(values: Bools, groups: Groups) -> Floats:
    """For each of ``groups`` ``[n]``, the share of its ``values`` that are true."""
    _, index = np.unique(groups, return_inverse=True)
    return np.asarray(np.bincount(index, values) / np.bincount(index), np.float64)


def rate(values: Bools, groups: Groups) -> Metric | None:
    """The share of ``values`` ``[n]`` that are true, a vote a group; None without any value."""
    if not len(values):
        return None
    given = votes(values, groups)
    low, high = (
        lower_limit(fewest(given), len(given), TAIL),
        upper_limit(most(given), len(given), TAIL),
    )
    return Metric(float(given.mean()), low, high, len(values))


def fewest(given: Floats) -> int:
    """The sum of votes, rounded down."""
    return floor(float(given.sum()) + _ROUNDING)


def most(given: Floats) -> int:
    """The sum of votes, rounded up."""
    return ceil(float(given.sum()) - _ROUNDING)


def upper_limit(errors: int, n: int, confidence: float) -> float:
    """One-sided upper limit of a share; 1 where ``n`` is 0."""
    return 1.0 if errors >= n else float(beta.ppf(confidence, errors + 1, n - errors))


def lower_limit(errors: int, n: int, confidence: float) -> float:
    """One-sided lower limit of a share; 0 where there are no errors."""
    return 0.0 if errors == 0 else float(beta.ppf(1 - confidence, errors, n - errors + 1))
