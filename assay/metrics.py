"""Binary metrics of a score, with intervals from resampled groups; no learning library.

Crops of one photograph are no independent observations, so the bootstrap draws groups (Field &
Welsh 2007, "Bootstrapping clustered data"). A resample is a row of weights: every metric is
computed for all resamples at once on scores that are sorted a single time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ECE_BINS = 15
COVERAGE = 0.95

_CELLS_AT_ONCE = 4_000_000
"""Weights in memory at a time, resamples x images."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A value with its 95 % bootstrap interval, and the number of images behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of two models on the same images, and how much more the second has."""

    first: float
    second: float
    change: Metric
    """Second minus first."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Scores in ascending order with one row of weights a resample; what metrics compute from."""

    scores: Floats
    """Ascending ``[n]``."""
    positive: Bools
    weights: Floats
    """``[r, n]``; how often each image was drawn."""
    threshold: float | Floats
    """One for all, or one an image ``[n]``, in the order of the scores."""

    def counts(self) -> tuple[Floats, Floats]:
        """Weight of positives and negatives at each distinct score, ascending; ``[r, t]`` each."""
        first = np.flatnonzero(np.diff(self.scores, prepend=-np.inf))
        positives = np.add.reduceat(self.weights * self.positive, first, axis=1)
        return positives, np.add.reduceat(self.weights * ~self.positive, first, axis=1)

    def confusion(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Weights of true positives, false negatives, false positives, true negatives ``[r]``."""
        flagged, positive = self.scores >= self.threshold, self.positive
        tp, fn = self.weights @ (flagged & positive), self.weights @ (~flagged & positive)
        fp, tn = self.weights @ (flagged & ~positive), self.weights @ (~flagged & ~positive)
        return tp, fn, fp, tn


def roc_auc(data: Weighted) -> Floats:
    """Area under the ROC curve ``[r]``: the Mann-Whitney statistic, ties count one half."""
    positives, negatives = data.counts()
    beaten = np.cumsum(negatives, axis=1) - negatives / 2
    return ratio((positives * beaten).sum(axis=1), positives.sum(axis=1) * negatives.sum(axis=1))


def average_precision(data: Weighted) -> Floats:
    """Mean precision over the positives ``[r]``, without interpolation."""
    positives, negatives = data.counts()
    true, false = _from_above(positives), _from_above(negatives)
    precision = true / np.maximum(true + false, 1e-12)
    both_classes = negatives.sum(axis=1) > 0
    return ratio((positives * precision).sum(axis=1), positives.sum(axis=1) * both_classes)


def balanced_accuracy(data: Weighted) -> Floats:
    """Mean of the shares of positives and of negatives that the threshold decides rightly."""
    tp, fn, fp, tn = data.confusion()
    return (ratio(tp, tp + fn) + ratio(tn, fp + tn)) / 2


def f1(data: Weighted) -> Floats:
    """Harmonic mean of precision and recall at the threshold ``[r]``."""
    tp, fn, fp, tn = data.confusion()
    both_classes = (tp + fn > 0) & (fp + tn > 0)
    return ratio(2 * tp, (2 * tp + fn + fp) * both_classes)


def tpr_at_fpr(data: Weighted, limit: float) -> Floats:
    """The largest share of positives found while at most ``limit`` of negatives are flagged."""
    positives, negatives = data.counts()
    total = negatives.sum(axis=1, keepdims=True)
    allowed = _from_above(negatives) <= limit * total * (1 + 1e-12)
    found = np.where(allowed, _from_above(positives), 0).max(axis=1)
    return ratio(found, positives.sum(axis=1) * (total[:, 0] > 0))


def brier(data: Weighted) -> Floats:
    """Mean squared difference between score and truth ``[r]`` (Brier 1950)."""
    squared = (data.scores - data.positive) ** 2
    return ratio(data.weights @ squared, data.weights.sum(axis=1))


def calibration_error(data: Weighted) -> Floats:
    """Expected calibration error ``[r]`` over bins of equal width (Naeini et al. 2015)."""
    bins = np.minimum((data.scores * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    first = np.flatnonzero(np.diff(bins, prepend=-1))
    gaps = np.add.reduceat(data.weights * (data.scores - data.positive), first, axis=1)
    return ratio(np.abs(gaps).sum(axis=1), data.weights.sum(axis=1))


METRICS: dict[str, Callable[[Weighted], Floats]] = {
    "auc": roc_auc,
    "average_precision": average_precision,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "tpr_at_1_fpr": lambda data: tpr_at_fpr(data, 0.01),
    "tpr_at_5_fpr": lambda data: tpr_at_fpr(data, 0.05),
    "brier": brier,
    "ece": calibration_error,
}
"""By name; NaN marks a resample that lacks a class where the metric needs both."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are drawn: number of resamples and seed."""

    resamples: int = 500
    seed: int = 0

    def weights(self, groups: npt.NDArray[np.generic]) -> Iterator[Floats]:
        """Rows of weights ``[., n]`` in chunks; the first row of all is ones, the images as given.

        The same groups in the same order always draw the same rows, which makes comparisons paired.
        """
        names, index = np.unique(groups, return_inverse=True)
        rng = np.random.default_rng(self.seed)
        yield np.ones((1, len(index)))
        chunk = max(1, _CELLS_AT_ONCE // max(1, len(index)))
        for start in range(0, self.resamples, chunk):
            rows = min(chunk, self.resamples - start)
            drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rows)
            yield drawn[:, index].astype(np.float64)


def measure(
    scores: Floats,
    positive: Bools,
    groups: npt.NDArray[np.generic],
    threshold: float | Floats,
    bootstrap: Bootstrap,
    names: Iterable[str] = tuple(METRICS),
    counts: Floats | None = None,
) -> dict[str, Metric | None]:
    """The `METRICS` called ``names`` of images ``[n]``; None where a class is missing.

    ``threshold`` is one for all, or one an image ``[n]``. An image counts as often as ``counts``
    ``[n]`` says; None is once each. Intervals count on as many groups as the class has that stands
    in fewer of them.
    """
    counted = np.ones(len(positive)) if counts is None else counts
    order = np.argsort(scores, kind="stable")
    threshold = np.broadcast_to(threshold, scores.shape)[order]
    parts: dict[str, list[Floats]] = {name: [] for name in names}
    for drawn in bootstrap.weights(groups):
        weights = (drawn * counted)[:, order]
        data = Weighted(scores[order], positive[order], weights, threshold)
        for name, rows in parts.items():
            rows.append(METRICS[name](data))
    n, independent = len(scores), independent_groups(positive, groups)
    return {name: interval(np.concatenate(rows), n, independent) for name, rows in parts.items()}


def differences(
    first: Floats,
    second: Floats,
    positive: Bools,
    groups: npt.NDArray[np.generic],
    thresholds: tuple[float, float],
    bootstrap: Bootstrap,
    names: Iterable[str] = tuple(METRICS),
    counts: Floats | None = None,
) -> dict[str, Difference | None]:
    """The `METRICS` called ``names`` of two models on the same images ``[n]``, paired by resample.

    Each model's scores are decided at its own threshold. ``counts``, intervals and None are those
    of `measure`.
    """
    counted = np.ones(len(positive)) if counts is None else counts
    orders = [np.argsort(scores, kind="stable") for scores in (first, second)]
    rows: dict[str, list[Floats]] = {name: [] for name in names}
    for drawn in bootstrap.weights(groups):
        weights = drawn * counted
        pair = [
            Weighted(scores[order], positive[order], weights[:, order], threshold)
            for scores, order, threshold in zip((first, second), orders, thresholds, strict=True)
        ]
        for name, found in rows.items():
            found.append(np.stack([METRICS[name](data) for data in pair]))
    independent = independent_groups(positive, groups)
    return {
        name: _difference(np.concatenate(found, 1), len(positive), independent)
        for name, found in rows.items()
    }


def mean(
    values: Floats, groups: npt.NDArray[np.generic], bootstrap: Bootstrap, lowest: float = -1.0
) -> Metric | None:
    """The mean of ``values`` ``[n]``, which lie in ``lowest``..1, with its interval."""
    rows = [ratio(w @ values, w.sum(axis=1)) for w in bootstrap.weights(groups)]
    return interval(np.concatenate(rows), len(values), len(np.unique(groups)), lowest)


def interval(values: Floats, n: int, groups: int, lowest: float = 0.0) -> Metric | None:
    """The first value, which lies in ``lowest``..1, with an interval from the spread of the others.

    None if the first value is not defined; of the others, undefined ones are left out.
    """
    if not len(values) or np.isnan(values[0]):
        return None
    value, reach = float(values[0]), float(half_width(values[1:, None], groups)[0])
    return Metric(value, max(lowest, value - reach), min(1.0, value + reach), n)


def half_width(resampled: Floats, groups: int) -> Floats:
    """How far an interval reaches to either side of values ``[k]``, from resamples ``[r, k]``.

    Student's t with ``groups - 1`` degrees of freedom on the bootstrap's standard error, which is
    too small by ``sqrt((groups - 1) / groups)`` (Hesterberg 2015, "What teachers should know about
    the bootstrap"). Percentiles of few groups are far too narrow (decision 0035); one group, whose
    resamples are all alike, says nothing: infinity.
    """
    if groups < 2:
        return np.full(resampled.shape[1], np.inf)
    defined = ~np.isnan(resampled)
    count = defined.sum(axis=0)
    mean = ratio(np.where(defined, resampled, 0).sum(axis=0), count)
    squared = np.where(defined, resampled - mean, 0) ** 2
    error = np.sqrt(ratio(squared.sum(axis=0), count) * groups / (groups - 1))
    return np.where(count > 1, stdtrit(groups - 1, (1 + COVERAGE) / 2) * error, np.inf)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """NaN where the denominator is zero; shapes are broadcast."""
    quotient = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _difference(pair: Floats, n: int, groups: int) -> Difference | None:
    """From the values ``[2, r]`` of the first and of the second model."""
    change = interval(pair[1] - pair[0], n, groups, lowest=-1.0)
    return None if change is None else Difference(float(pair[0, 0]), float(pair[1, 0]), change)


def independent_groups(positive: Bools, groups: npt.NDArray[np.generic]) -> int:
    """Groups of the class that stands in fewer of them: two classes are as sure as the rarer."""
    counts = [len(np.unique(groups[of])) for of in (positive, ~positive) if of.any()]
    return min(counts, default=0)


def _from_above(weights: Floats) -> Floats:
    """Weight at or above each distinct score."""
    total: Floats = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    return total
