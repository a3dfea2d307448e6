"""Intervals of weighted counts: images of a span as a sample of the traffic that is to come.

Groups of images (copies and near-duplicates of one) arrive independently of each other, as a
Poisson process would bring them; what arrives in one group counts together. The sum of weighted
Poisson counts is estimated by itself, and its variance by the sum of the squares.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import chi2

from assay.metrics import COVERAGE, Floats, Metric

_TAIL = (1 - COVERAGE) / 2


def total(values: Floats, largest: float) -> Metric:
    """The sum of ``values`` ``[n]`` >= 0, one a group, with its 95 % interval; `n` counts groups.

    The gamma interval of Fay and Feuer (1997, Statistics in Medicine 16:791-801), which holds also
    for a few counts, and for none: ``largest`` > 0 is the weight of one more image at most. With
    equal weights it is the exact one of a Poisson count (Garwood 1936).
    """
    given = values[values > 0]
    found, variance = float(given.sum()), float((given**2).sum())
    low = _gamma(found, variance, _TAIL) if len(given) else 0.0
    high = _gamma(found + largest, variance + largest**2, 1 - _TAIL)
    return Metric(found, low, high, len(given))


def change(differences: Floats, largest: float) -> Metric:
    """The sum of ``differences`` ``[n]`` of either sign, one a group, with its 95 % interval.

    What is gained and what is lost are disjoint groups, so two independent totals, whose intervals
    are joined by the method of Zou and Donner (2008, Statistics in Medicine 27:1693-1702).
    """
    gained = total(np.maximum(differences, 0.0), largest)
    lost = total(np.maximum(-differences, 0.0), largest)
    down = math.hypot(gained.value - gained.low, lost.high - lost.value)
    up = math.hypot(gained.high - gained.value, lost.value - lost.low)
    value = gained.value - lost.value
    return Metric(value, value - down, value + up, gained.n + lost.n)


def mean(values: Floats) -> Metric:
    """The mean of ``values`` ``[n]``, n > 1, with the 95 % interval of Student's t."""
    from scipy.special import stdtrit

    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, 1 - _TAIL)) * error
    middle = float(values.mean())
    return Metric(middle, max(0.0, middle - reach), middle + reach, len(values))


def scaled(metric: Metric, factor: float) -> Metric:
    """``metric`` in another unit."""
    return Metric(metric.value * factor, metric.low * factor, metric.high * factor, metric.n)


def _gamma(found: float, variance: float, level: float) -> float:
    """The quantile of the gamma distribution of this mean and variance."""
    scale = variance / (2 * found)
    return float(scale * chi2.ppf(level, 2 * found**2 / variance))
