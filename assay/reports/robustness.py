"""The page of a robustness matrix: a heat table, the numbers with intervals, false positives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from assay.metrics import Metric
from assay.reports import interval, pictures
from assay.reports.page import Page, render
from assay.robustness import Result, Robustness, Slice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = {
    "auc": "AUC",
    "true_positive_rate": "true positives",
    "false_positive_rate": "false positives",
    "flip_rate": "decisions flipped",
    "decided_flip_rate": "flipped, of decided",
    "decided_share": "decided",
    "ece": "calibration error",
}
"""Metrics of a `Result`, in words."""
_FULL_RANGE = {
    "auc": (1.0, 0.5),
    "true_positive_rate": (1.0, 0.0),
    "decided_share": (1.0, 0.0),
    "flip_rate": (0.0, 0.5),
    "decided_flip_rate": (0.0, 0.5),
    "ece": (0.0, 0.5),
    "false_positive_rate": (0.0, 1.0),
}
"""What is as good as can be (light) and what is no use at all (dark)."""
_WORST_SHOWN = 10
_NUMBERS = ("images", "photographs")


def page(robustness: Robustness) -> Page:
    """The whole report."""
    return render(
        "robustness.html",
        "Robustness",
        robustness=robustness,
        tiles=_tiles(robustness),
        heat=pictures.svg(heat_table(robustness)) if robustness.results else "",
        columns=("perturbation", *_COLUMNS.values(), *_NUMBERS),
        rows=[_row(result) for result in robustness.results],
        slices=[
            (
                s.by,
                s.name,
                interval(s.false_positive_rate),
                f"{s.false_positive_rate.n:,}",
                s.groups,
            )
            for s in robustness.slices
        ],
        worst=_worst_slices(robustness),
        numbers=_NUMBERS,
    )


def brief(robustness: Robustness) -> list[tuple[str, str, str]]:
    """The matrix in a few rows: what is measured, under which perturbation, with its interval."""
    known = [(result.name, result.auc) for result in robustness.results if result.auc]
    found: dict[str, tuple[str, Metric] | None] = {
        "lowest AUC": min(known, key=lambda one: one[1].value, default=None),
        "highest false-positive rate": robustness.worst("false_positive_rate"),
        "highest flip rate": robustness.worst("flip_rate"),
    }
    return [(what, *_spoken(one)) for what, one in found.items() if one is not None]


def heat_table(robustness: Robustness) -> Figure:
    """Perturbations by metrics, each cell with its value; the darker, the less use is the model."""
    values = np.array([[_value(r, name) for name in _COLUMNS] for r in robustness.results])
    badness = _badness(values)
    drawn = pictures.figure(8.4, 1.2 + 0.27 * len(values))
    axes = drawn.subplots()
    axes.imshow(badness, cmap="YlOrBr", vmin=0, vmax=1.25, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        dark = badness[row, column] > 0.85  # never of NaN
        text = "-" if np.isnan(value) else f"{value:.2f}"
        colour = "white" if dark else pictures.INK
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(
        range(len(_COLUMNS)), [name.replace(" ", "\n", 1) for name in _COLUMNS.values()]
    )
    axes.set_yticks(range(len(values)), [result.name for result in robustness.results])
    axes.tick_params(length=0, labelsize=9, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    return drawn


def _badness(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    best, worst = np.array([_FULL_RANGE[name] for name in _COLUMNS]).T
    return np.asarray(np.clip((values - best) / (worst - best), 0, 1))


def _value(result: Result, name: str) -> float:
    metric: Metric | None = getattr(result, name)
    return np.nan if metric is None else metric.value


def _tiles(robustness: Robustness) -> list[tuple[str, str]]:
    plain = robustness.results[0] if robustness.results else None
    worst = {what: (value, under) for what, under, value in brief(robustness)}
    tiles = [(f"{robustness.images:,}", f"test images of {robustness.groups} photographs")]
    if plain is not None:
        tiles.append((interval(plain.auc), "AUC, unperturbed"))
    tiles += [(value, f"{what} ({under})") for what, (value, under) in worst.items()]
    return [*tiles, (f"{robustness.threshold:.3f}", "threshold on the score")]


def _spoken(one: tuple[str, Metric]) -> tuple[str, str]:
    return one[0], interval(one[1])


def _row(result: Result) -> tuple[str, ...]:
    name = f"{result.name} •" if result.everyday else result.name
    metrics = (interval(getattr(result, metric)) for metric in _COLUMNS)
    return name, *metrics, f"{result.n:,}", str(result.groups)


def _is_part(slice_: Slice, result: Result) -> bool:
    """Whether the slice leaves any image out; the whole stands in the table of perturbations."""
    whole = result.false_positive_rate
    return whole is not None and slice_.false_positive_rate.n < whole.n


def _worst_slices(robustness: Robustness) -> list[tuple[str, ...]]:
    """Where, under which perturbation, false positives are most surely frequent."""
    found = [
        (slice_.false_positive_rate, result.name, slice_)
        for result in robustness.results
        for slice_ in result.slices
        if _is_part(slice_, result)
    ]
    ordered = sorted(found, key=lambda one: (-one[0].low, -one[0].value, one[1]))
    return [
        (name, part.by, part.name, interval(rate), f"{rate.n:,}", str(part.groups))
        for rate, name, part in ordered[:_WORST_SHOWN]
        if rate.value > 0
    ]
