"""The weeks as one figure: what came, how good the answers were, what the loop made of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from assay.metrics import Floats
from assay.reports.figures import SERIES
from assay.reports.pictures import FAINT, INK, figure
from assay.simulation.record import Quality, Week
from assay.simulation.settings import Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WASHES = {
    Phase.CALM: "#ffffff",
    Phase.NEW_MANIPULATION: "#f3ecfb",
    Phase.LOW_QUALITY: "#fdf1e3",
    Phase.VIRAL: "#e6f3f3",
}
_NEW = "#7a4fb3"
_DECIDED = {
    "none": (".", FAINT),
    "recalibrate": ("s", "#b8860b"),
    "retrain": ("D", "#0b6e6e"),
    "page": ("^", "#b3261e"),
}
"""Marker and colour of each decision."""


def timeline(weeks: Sequence[Week], truths: Sequence[Quality]) -> Figure:
    """``truths`` are the qualities of ``weeks``, in the same order."""
    drawn = figure(10.4, 9.6)
    panels = drawn.subplots(4, 1, sharex=True, height_ratios=[1.35, 1.35, 1.1, 1.1])
    numbers = np.array([week.number for week in weeks], np.float64)
    for panel in panels:
        _wash(panel, weeks)
    _phases(panels[0], weeks)
    _ranking(panels[0], numbers, weeks, truths)
    _found(panels[1], numbers, truths)
    _noticed(panels[2], numbers, weeks)
    _people(panels[3], numbers, weeks)
    panels[-1].set_xlabel("week")
    panels[-1].set_xticks(numbers, [str(week.number) for week in weeks])
    panels[-1].set_xlim(0.5, len(weeks) + 0.5)
    return drawn


def _ranking(axes: Axes, numbers: Floats, weeks: Sequence[Week], truths: Sequence[Quality]) -> None:
    """AUC in truth, and as the monitor estimated it from labels."""
    lines = {
        "in truth": ([one.auc for one in truths], SERIES[0], "o-"),
        "of the new manipulation\nagainst authentic images": (
            [one.new_auc for one in truths],
            _NEW,
            "D--",
        ),
    }
    for words, (values, colour, style) in lines.items():
        axes.plot(numbers, _values(values), style, color=colour, linewidth=1.8, label=words)
    estimates = [
        (week.number, figures["auc"])
        for week in weeks
        if week.turn.window and week.turn.window.performance
        for figures in [week.turn.window.performance.figures]
        if "auc" in figures
    ]
    if estimates:
        at = np.array([number for number, _ in estimates]) + 0.12
        value, low, high = np.array([(m.value, m.low, m.high) for _, m in estimates]).T
        ends = np.clip([value - low, high - value], 0, None)
        estimated = "estimated by\nthe monitor, 95 %"
        axes.errorbar(at, value, ends, fmt="D", color=SERIES[1], capsize=3, label=estimated)
    _finish(axes, "AUC", (0.25, 1.02))


def _found(axes: Axes, numbers: Floats, truths: Sequence[Quality]) -> None:
    """How much of what was edited the model called so."""
    lines = {
        "all edited images": ([one.recall for one in truths], SERIES[0], "o-"),
        "the new manipulation": ([one.new_recall for one in truths], _NEW, "D--"),
        "authentic images\n(false alarms)": ([one.false_alarms for one in truths], FAINT, "s:"),
    }
    for words, (values, colour, style) in lines.items():
        axes.plot(numbers, _values(values), style, color=colour, linewidth=1.8, label=words)
    _finish(axes, "called edited", (-0.03, 1.03))


def _noticed(axes: Axes, numbers: Floats, weeks: Sequence[Week]) -> None:
    """Columns that drifted, and what was decided; a line where a new model began to answer."""
    drifted = [len(week.turn.window.drifted) if week.turn.window else 0 for week in weeks]
    axes.bar(numbers, drifted, 0.55, color="#b9d6d6")
    top = max([*drifted, 4])
    for action, (marker, colour) in _DECIDED.items():
        at = [week.number for week in weeks if week.turn.action == action]
        if at:
            level = np.full(len(at), top * 1.18)
            axes.plot(at, level, marker, color=colour, markersize=8, linestyle="", label=action)
    for week in weeks:
        if week.turn.has_deployed:
            axes.axvline(week.number + 0.5, color=INK, linewidth=1.4)
            words = f"version {week.turn.version}"
            axes.text(week.number + 0.53, top * 0.92, words, fontsize=8.5, color=INK)
    _finish(axes, "columns that drifted", (0, top * 1.4))


def _people(axes: Axes, numbers: Floats, weeks: Sequence[Week]) -> None:
    """Hours that people worked, and what they left."""
    hours = [week.work.seconds / 3600 for week in weeks]
    axes.bar(numbers, hours, 0.55, color="#d5dce3", label="moderators' hours")
    right = axes.twinx()
    backlog = [week.backlog for week in weeks]
    right.plot(numbers, backlog, "o-", color="#b3261e", linewidth=1.4, markersize=4)
    right.set_ylabel("open cases", color="#b3261e")
    right.set_ylim(0, max([*backlog, 10]) * 1.2)
    right.spines[["top", "left"]].set_visible(False)
    _finish(axes, "moderators' hours", (0, max([*hours, 0.1]) * 1.25), legend=False)


def _wash(axes: Axes, weeks: Sequence[Week]) -> None:
    for phase, run in groupby(weeks, key=lambda week: week.phase):
        inside = [week.number for week in run]
        axes.axvspan(inside[0] - 0.5, inside[-1] + 0.5, color=_WASHES[phase], zorder=0, linewidth=0)


def _phases(axes: Axes, weeks: Sequence[Week]) -> None:
    """What each stretch is like, above the first panel."""
    for phase, run in groupby(weeks, key=lambda week: week.phase):
        inside = [week.number for week in run]
        axes.text(inside[0] - 0.45, 1.03, phase.words, va="bottom", fontsize=9, color=INK)


def _values(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _finish(
    axes: Axes,
    words: str,
    limits: tuple[float, float],
    *,
    legend: bool = True,
) -> None:
    axes.set_ylabel(words)
    axes.set_ylim(*limits)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelsize=9)
    if legend:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8.5)
