"""Figures of scores and metrics: arrays in, matplotlib figures out.

Each returns a figure in the style of `assay.reports.pictures`, whose `svg` puts it into a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from assay.metrics import ECE_BINS, Bools, Bootstrap, Floats, Metric, ratio
from assay.records import Label
from assay.reports import curves
from assay.reports.curves import Groups, Labels
from assay.reports.pictures import COLOURS, FAINT, INK, figure, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SERIES = ("#0b6e6e", "#b8860b", "#8795a1")
"""Colours of things compared: the model, what it is compared with, one more."""

_SCARCE = 10
"""Images below which a point says little."""
_MARKERS, _DASHES = ("o", "D", "s"), ("-", "--", "-.")
"""Beside the colours of `SERIES`, for eyes that do not tell these apart."""
_HISTOGRAM_BINS = 40


def roc(
    scores: Mapping[str, Floats], positive: Bools, groups: Groups, bootstrap: Bootstrap
) -> Figure:
    """ROC of each of ``scores`` ``[n]``, by name, on the same images, with a pointwise band."""
    drawn = figure(4.6, 4.4)
    axes = _axes(drawn, "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
    rates = curves.FALSE_POSITIVE_RATES
    for (name, values), colour, dash in zip(scores.items(), SERIES, _DASHES, strict=False):
        curve, low, high = curves.roc_band(values, positive, groups, bootstrap)
        axes.fill_between(rates, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(rates, curve, dash, color=colour, label=shortened(name), linewidth=1.8)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    return drawn


def reliability(scores: Floats, positive: Bools, groups: Groups, bootstrap: Bootstrap) -> Figure:
    """How often images of a score are not authentic, over the bins of the calibration error.

    Below stand the images behind each point, which is hollow where they are few. Perfect
    calibration is the diagonal.
    """
    drawn = figure(4.6, 4.4)
    upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    share, low, high, count, mean = curves.reliability_bins(scores, positive, groups, bootstrap)
    upper.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
    ends = np.clip([share - low, high - share], 0, None)
    for some, fill in ((count < _SCARCE, "white"), (count >= _SCARCE, SERIES[0])):
        points = mean[some], share[some], ends[:, some]
        upper.errorbar(*points, fmt="o", color=SERIES[0], markerfacecolor=fill, capsize=3)
    _style(upper, "", "share not authentic")
    upper.set(xlim=(0, 1), ylim=(-0.03, 1.03))
    width = 1 / ECE_BINS
    lower.bar((np.arange(ECE_BINS) + 0.5) * width, count, width * 0.9, color=FAINT)
    _style(lower, "score", "images")
    return drawn


def histograms(
    scores: Floats,
    labels: Labels,
    threshold: float,
    review: tuple[float, float] | None = None,
) -> Figure:
    """Scores ``[n]`` of each label below one another, the threshold and the review band marked."""
    truth = np.asarray(list(labels))
    drawn = figure(6.4, 4.4)
    rows = drawn.subplots(len(Label), 1, sharex=True)
    for axes, label in zip(rows, Label, strict=True):
        own = scores[truth == label.value]
        axes.hist(own, _HISTOGRAM_BINS, range=(0, 1), color=COLOURS[label.value])
        _mark(axes, threshold, review)
        _style(axes, "", "images")
        axes.set_title(f"{label.value} ({len(own):,})", loc="left", fontsize=9.5, color=INK)
    rows[-1].set(xlim=(0, 1), xlabel="score (probability that the image is not authentic)")
    marks, words = rows[0].get_legend_handles_labels()
    drawn.legend(marks, words, loc="outside upper right", frameon=False, ncols=2, fontsize=9)
    return drawn


def risk_coverage(
    curve: tuple[Floats, Floats, Floats],
    bound: float | None = None,
    point: tuple[float, float] | None = None,
) -> Figure:
    """Error over the share of images decided: ``curve`` and its band, each over `COVERAGES`.

    The promised ``bound`` is a line, and ``point`` (coverage, error) where the review band puts
    the model; it need not lie on the curve, which gives both sides the same distance.
    """
    drawn = figure(4.6, 4.4)
    axes = _axes(drawn, "share of images decided without a person", "share of these decided wrong")
    risk, low, high = curve
    axes.fill_between(curves.COVERAGES, low, high, color=SERIES[0], alpha=0.18, linewidth=0)
    axes.plot(curves.COVERAGES, risk, color=SERIES[0], linewidth=1.8, label="farthest scores first")
    if bound is not None:
        axes.axhline(bound, color=INK, linewidth=1.0, linestyle="--", label="promised bound")
    if point is not None:
        axes.plot(
            *point,
            "D",
            color=SERIES[1],
            markersize=8,
            clip_on=False,
            label="outside the review band",
        )
    axes.set(xlim=(0, 1), ylim=(0, max(0.6, float(np.nanmax(risk)) + 0.15)))
    axes.legend(loc="upper left", frameon=False)
    return drawn


def confusion(truth: Labels, predicted: Labels) -> Figure:
    """Images by true label (rows) and predicted label (columns), with the shares of each row."""
    counts = curves.confusion_counts(truth, predicted).astype(np.float64)
    shares = ratio(counts, counts.sum(axis=1, keepdims=True))
    drawn = figure(4.6, 4.0)
    axes = drawn.subplots()
    axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        words = "none" if np.isnan(share) else f"{count:,.0f}\n{100 * share:.0f} %"
        ink = "white" if share > 0.55 else INK
        axes.text(column, row, words, ha="center", va="center", color=ink, fontsize=10)
    names = [label.value for label in Label]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="truth")
    axes.tick_params(length=0)
    return drawn


def forest(
    rows: Mapping[str, Mapping[str, Metric | None]],
    quantity: str = "AUC",
    reference: float = 0.5,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Metrics with their intervals, one line a name of ``rows``, one colour a name in it.

    ``reference`` is where nothing is found: 0.5 for an AUC, 0 for a difference. A metric that is
    None leaves its place empty.
    """
    series = list(dict.fromkeys(name for shown in rows.values() for name in shown))
    drawn = figure(6.4, 1.1 + 0.34 * max(1, len(rows)))
    axes = _axes(drawn, f"{quantity} (95 % interval)", "")
    axes.axvline(reference, color=FAINT, linewidth=1, linestyle=":")
    for index, name in enumerate(series):
        offset = 0.26 * (index - (len(series) - 1) / 2)
        found = [(y + offset, shown.get(name)) for y, shown in enumerate(rows.values())]
        _whiskers(axes, [(y, m) for y, m in found if m is not None], index, name)
    axes.set_yticks(range(len(rows)), [shortened(name) for name in rows])
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    if limits is not None:
        axes.set_xlim(*limits)
    if len(series) > 1:
        drawn.legend(loc="outside upper right", frameon=False, ncols=len(series), fontsize=9)
    return drawn


def scatter(pairs: pd.DataFrame, names: tuple[str, str], thresholds: tuple[float, float]) -> Figure:
    """Score of the second model over that of the first, coloured by the truth.

    ``pairs`` has a row an image, as `assay.comparison.paired` gives; the area of a point counts
    its images. Dashed lines are the thresholds; what lies upper left and lower right flipped.
    """
    points, (low, high) = curves.score_pairs(pairs), curves.score_span(pairs)
    drawn = figure(5.4, 5.2)
    axes = _axes(drawn, f"score of {names[0]}", f"score of {names[1]}")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
    colours = [COLOURS[label] for label in points["label"]]
    places = points["first"], points["second"]
    axes.scatter(*places, s=6 * points["n"], c=colours, alpha=0.45, linewidths=0)
    axes.axvline(thresholds[0], color=INK, linewidth=0.9, linestyle="--")
    axes.axhline(thresholds[1], color=INK, linewidth=0.9, linestyle="--")
    for label in Label:
        axes.scatter([], [], s=24, c=COLOURS[label.value], label=label.value)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    drawn.legend(loc="outside upper right", frameon=False, ncols=len(Label), fontsize=9)
    return drawn


def _whiskers(axes: Axes, found: Iterable[tuple[float, Metric]], index: int, name: str) -> None:
    table = np.array([(y, m.value, m.low, m.high) for y, m in found]).reshape(-1, 4)
    y, value, low, high = table.T
    marker, colour = _MARKERS[index % len(_MARKERS)], SERIES[index % len(SERIES)]
    ends = np.clip([value - low, high - value], 0, None)
    axes.errorbar(
        value,
        y,
        xerr=ends,
        fmt=marker,
        color=colour,
        label=shortened(name),
        capsize=2.5,
        markersize=5,
        linewidth=1.4,
    )


def _mark(axes: Axes, threshold: float, review: tuple[float, float] | None) -> None:
    axes.axvline(threshold, color=INK, linewidth=1.2, linestyle="--", label="threshold")
    if review is not None and review[0] < review[1]:
        axes.axvspan(*review, color=FAINT, alpha=0.18, linewidth=0, label="handed to people")


def _axes(drawn: Figure, x: str, y: str) -> Axes:
    return _style(drawn.subplots(), x, y)


def _style(axes: Axes, x: str, y: str) -> Axes:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelsize=9)
    return axes
