"""The page about all windows so far: what moved when, how well it was judged, what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.performance_numbers import Figure
from assay.reports import pictures
from assay.reports.figures import SERIES
from assay.reports.monitoring import sentence, span
from assay.reports.page import Page, render
from assay.reports.pictures import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


TITLE = "Monitoring over time"
Point = tuple[WindowNumbers, str]
"""A window, and what was decided on it."""

_FIGURES = {"auc": "AUC", "precision": "precision", "recall": "recall", "agreement": "agreement"}
_SHARES: Mapping[str, Callable[[WindowNumbers], float | None]] = {
    "put before people": lambda window: window.review_share,
    "got no answer": lambda window: window.quality.refused_share,
    "repeat another": lambda window: window.quality.duplicates_share,
}
_MARKERS = "o", "D", "s", "^"
_COLUMNS = ("window", "model", "pictures", "labels", "what moved", "decision")


def page(points: Sequence[Point]) -> Page:
    """The windows, in any order; those too small to be judged are listed, and not drawn."""
    ordered = sorted(points, key=lambda point: point[0].until)
    judged = [point for point in ordered if point[0].is_enough]
    return render(
        "trend.html",
        TITLE,
        drawn=pictures.svg(drawing(judged)) if judged else "",
        columns=_COLUMNS,
        rows=[_row(*point) for point in reversed(ordered)],
    )


def drawing(points: Sequence[Point]) -> Drawing:
    """Drift, performance and shares over the windows, oldest first, decisions marked."""
    drawn = pictures.figure(9.2, 7.2)
    rows = drawn.subplots(3, 1, sharex=True)
    numbers = [window for window, _ in points]
    _drift(rows[0], numbers)
    _performance(rows[1], numbers)
    _shares(rows[2], numbers)
    for axes in rows:
        _style(axes, [action for _, action in points])
    places = range(len(points))
    rows[-1].set_xticks(places, [f"{one.until:%m-%d}" for one in numbers])
    rows[-1].set_xlabel("end of the window")
    return drawn


def _drift(axes: Axes, windows: Sequence[WindowNumbers]) -> None:
    changed = [max((one.effect for one in window.drifted), default=0.0) for window in windows]
    columns = [window.drifted_share for window in windows]
    axes.plot(changed, "o-", color=SERIES[0], label="traffic that changed, at least")
    axes.plot(columns, "D--", color=SERIES[1], label="columns that moved")
    axes.set_title("Drift", loc="left", fontsize=10, color=INK)


def _performance(axes: Axes, windows: Sequence[WindowNumbers]) -> None:
    found: dict[str, list[tuple[int, Figure]]] = {name: [] for name in _FIGURES}
    for place, window in enumerate(windows):
        figures = window.performance.figures if window.performance else {}
        for name in _FIGURES.keys() & figures.keys():
            found[name].append((place, figures[name]))
    shown = {name: points for name, points in found.items() if points}
    for index, (name, points) in enumerate(shown.items()):
        at = np.array([place for place, _ in points]) + 0.06 * (index - (len(shown) - 1) / 2)
        values = np.array([[f.value, f.value - f.low, f.high - f.value] for _, f in points]).T
        colour = (*SERIES, INK)[index]
        marker = f"{_MARKERS[index]}-"
        spread = np.clip(values[1:], 0, None)
        axes.errorbar(
            at, values[0], spread, fmt=marker, color=colour, capsize=3, label=_FIGURES[name]
        )
    axes.set_title("Judged rightly (95 % intervals)", loc="left", fontsize=10, color=INK)


def _shares(axes: Axes, windows: Sequence[WindowNumbers]) -> None:
    altered = [1 - window.verdict_mix.get("authentic", 0.0) for window in windows]
    axes.plot(altered, f"{_MARKERS[0]}-", color=SERIES[0], label="called altered")
    for index, (name, share) in enumerate(_SHARES.items(), start=1):
        values = [np.nan if (one := share(window)) is None else one for window in windows]
        axes.plot(values, f"{_MARKERS[index]}-", color=(*SERIES, INK)[index], label=name)
    axes.set_title("Shares of the traffic", loc="left", fontsize=10, color=INK)


def _style(axes: Axes, actions: Sequence[str]) -> None:
    for place, action in enumerate(actions):
        if action not in ("", "none"):
            axes.axvline(place, color=FAINT, linewidth=1.0, linestyle=":")
            at = (place, 1.0), (2, 2), ("data", "axes fraction"), "offset points"
            axes.annotate(action, *at, fontsize=8, color=INK)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5, colors=INK)
    if axes.get_legend_handles_labels()[0]:  # nothing is drawn where nobody has labelled
        axes.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _row(window: WindowNumbers, action: str) -> tuple[str, ...]:
    counts = f"{window.groups:,}", f"{window.labelled:,}"
    return span(window), window.model_version, *counts, sentence(window), action
