"""What the figures draw, as numbers.

Bands are 95 % intervals that resample groups (`assay.metrics.Bootstrap`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from assay.metrics import (
    ECE_BINS,
    Bools,
    Bootstrap,
    Floats,
    Metric,
    Weighted,
    half_width,
    independent_groups,
    interval,
    ratio,
)
from assay.records import Label

if TYPE_CHECKING:
    import pandas as pd

Groups = npt.NDArray[np.generic]

Labels = Iterable[str]
"""A label an image."""

FALSE_POSITIVE_RATES = np.linspace(0, 1, 101)
"""Where `roc_band` tells the true positive rate."""

COVERAGES = np.linspace(0.01, 1, 100)
"""Where `risk_coverage` tells the error."""

_CELLS, _MARGIN = 120, 0.02
"""Of a plot of two scores: points along each side, and the room around them."""


def roc_band(
    scores: Floats, positive: Bools, groups: Groups, bootstrap: Bootstrap
) -> tuple[Floats, Floats, Floats]:
    """True positive rate over 101 false positive rates, and its interval's ends; NaN if undefined.

    The band is pointwise ("vertical averaging", Fawcett 2006, "An introduction to ROC analysis").
    """
    order = np.argsort(scores, kind="stable")
    rows = [
        np.interp(FALSE_POSITIVE_RATES, *curve)
        for weights in bootstrap.weights(groups)
        for curve in _curves(Weighted(scores[order], positive[order], weights[:, order], 0.5))
    ]
    table = np.array(rows or [np.full(len(FALSE_POSITIVE_RATES), np.nan)])
    return _band(table, independent_groups(positive, groups))


def reliability_bins(
    scores: Floats, positive: Bools, groups: Groups, bootstrap: Bootstrap
) -> tuple[Floats, Floats, Floats, npt.NDArray[np.intp], Floats]:
    """Share not authentic with its interval's ends, images and mean score, each ``[bins]``.

    Bins without images are NaN.
    """
    bins = np.minimum((scores * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    member = (bins[:, None] == np.arange(ECE_BINS)).astype(np.float64)
    rows = [
        ratio((weights * positive) @ member, weights @ member)
        for weights in bootstrap.weights(groups)
    ]
    count = np.bincount(bins, minlength=ECE_BINS)
    band = _band(np.concatenate(rows), independent_groups(positive, groups))
    return *band, count, ratio(scores @ member, count.astype(np.float64))


def risk_coverage(
    scores: Floats, positive: Bools, groups: Groups, threshold: float, bootstrap: Bootstrap
) -> tuple[Floats, Floats, Floats, Metric | None]:
    """Error of the images decided first, at each of `COVERAGES`, its interval's ends, and the AURC.

    Images are decided from the farthest to the nearest to ``threshold``; of equally far ones a
    coverage in between takes a like part of each. The AURC is the mean error over all coverages
    (Geifman and El-Yaniv 2017, "Selective classification for deep neural networks").
    """
    distance, wrong = np.abs(scores - threshold), (scores >= threshold) != positive
    order = np.argsort(-distance, kind="stable")
    last = np.flatnonzero(np.diff(distance[order], append=-1.0))
    risks = np.array(
        [
            _risks(np.cumsum(row)[last], np.cumsum(row * wrong[order])[last])
            for weights in bootstrap.weights(groups)
            for row in weights[:, order]
        ]
    )
    independent = independent_groups(positive, groups)
    area = interval(risks.mean(axis=1), len(scores), independent)
    return *_band(risks, independent), area


def confusion_counts(truth: Labels, predicted: Labels) -> npt.NDArray[np.intp]:
    """Images ``[3, 3]`` by true (row) and predicted (column) label, in the order of `Label`."""
    place = {label.value: index for index, label in enumerate(Label)}
    counts = np.zeros((len(Label), len(Label)), np.intp)
    np.add.at(counts, ([place[t] for t in truth], [place[p] for p in predicted]), 1)
    return counts


def score_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Images of one label whose two scores nearly agree, as a row with their number ``n``.

    Largest first. A model that knows little gives many images one score, and their points would
    hide one another.
    """
    low, high = score_span(rows)
    cell = (high - low) / _CELLS
    near = {name: (rows[name] / cell).round() * cell for name in ("first", "second")}
    counted = rows.assign(**near).value_counts(["label", "first", "second"], sort=False)
    points = counted.rename("n").reset_index()
    return points.sort_values(
        ["n", "label", "first", "second"], ascending=[False, True, True, True]
    )


def score_span(rows: pd.DataFrame) -> tuple[float, float]:
    """The part of 0..1 that holds all scores ``first`` and ``second``: a weak model uses little."""
    scores = rows[["first", "second"]].to_numpy(np.float64)
    return max(0.0, scores.min() - _MARGIN), min(1.0, scores.max() + _MARGIN)


def _curves(data: Weighted) -> list[tuple[Floats, Floats]]:
    """False and true positive rates, ascending, of each resample that holds both classes."""
    positives, negatives = (_cumulative(counts) for counts in data.counts())
    defined = (positives[:, -1] > 0) & (negatives[:, -1] > 0)
    rates = [c[defined] / c[defined][:, -1:] for c in (negatives, positives)]
    return list(zip(*rates, strict=True))


def _risks(decided: Floats, wrong: Floats) -> Floats:
    """Error at each of `COVERAGES`, from weights decided and wrong after each distance."""
    at = COVERAGES * decided[-1]
    return np.asarray(np.interp(at, [0.0, *decided], [0.0, *wrong]) / at, np.float64)


def _cumulative(counts: Floats) -> Floats:
    """Weight at or above each distinct score, from the highest, beginning with none."""
    total = np.cumsum(counts[:, ::-1], axis=1)
    return np.hstack([np.zeros((len(total), 1)), total])


def _band(rows: Floats, groups: int) -> tuple[Floats, Floats, Floats]:
    """The first row, and the ends of an interval from the spread of the others in each column."""
    reach = half_width(rows[1:], groups)
    return rows[0], np.clip(rows[0] - reach, 0, 1), np.clip(rows[0] + reach, 0, 1)
