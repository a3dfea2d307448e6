"""The page of a serving plan: what was tried, how fast and how right it was, what was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from assay.reports import pictures
from assay.reports.page import Page, percent, render
from assay.serving_plan import Accuracy, Figures, ServingPlan, Trial
from assay.serving_search import BASELINE
from assay.serving_strategies import recipe_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GOOD, _BAD, _CHOSEN = "#1d7a46", "#b42318", "#2a6fb0"
_COLUMNS = (
    "tried",
    "images/s",
    "latency",
    "to verdict",
    "AUC",
    "flips",
    "words' AUC",
    "words flipped",
    "",
)
_DETAILS: dict[str, Callable[[Figures], str]] = {
    "load, s": lambda f: f"{f.load:.1f}",
    "weights, MB": lambda f: f"{f.size:,.1f}",
    "peak memory, MB": lambda f: f"{f.peak_memory:,.0f}",
    "cores busy": lambda f: f"{f.cpu:.2f}",
    "GPU busy": lambda f: "-" if f.gpu is None else percent(f.gpu),
    "p50, ms": lambda f: f"{f.latency.p50:.1f}",
    "p95, ms": lambda f: f"{f.latency.p95:.1f}",
    "p99, ms": lambda f: f"{f.latency.p99:.1f}",
    "reasons, images/s": lambda f: f"{f.reasons:.1f}",
    "TPR at 5 % FPR": lambda f: _number(f.accuracy.tpr_at_5_fpr),
    "calibration error": lambda f: _number(f.accuracy.ece),
}


def page(plan: ServingPlan) -> Page:
    """The whole report."""
    columns, rows = table(plan)
    measured = _measured(plan)
    return render(
        "serving_plan.html",
        f"Serving plan of model {plan.model_version}",
        plan=plan,
        tiles=headline(plan),
        pareto=pictures.svg(pareto(plan)),
        columns=("no.", *columns),
        rows=[(str(number), *row) for number, row in enumerate(rows, 1)],
        numbers=_COLUMNS[1:-1],
        unavailable=[(t.name, t.reason) for t in plan.trials if t.figures is None],
        details=("no.", "tried", *_DETAILS, *(f"batch {n}" for n in _sizes(measured))),
        detail_rows=[
            (str(number), name, *_details(figures), *_rates(figures, _sizes(measured)))
            for number, (name, figures, _) in enumerate(measured, 1)
        ],
    )


def headline(plan: ServingPlan) -> list[tuple[str, str]]:
    """The few figures that a plan is judged by: a value, and what it is."""
    ours, ratios = plan.figures, plan.figures.ratios
    tiles = [
        (f"{plan.speed_up:.1f} x", "images/s of the model stage, against fp32 one at a time"),
        (f"{ratios.throughput:.2f} x", "against fp32 in batches of its own"),
        (f"{ratios.latency:.2f} x", "latency of one image, against fp32"),
    ]
    if ours.end_to_end is not None and ratios.end_to_end is not None:
        words = f"images/s from bytes to verdict ({ratios.end_to_end:.2f} x fp32)"
        tiles.append((f"{ours.end_to_end:.1f}", words))
    return [
        *tiles,
        (_number(ours.accuracy.auc), f"AUC (fp32 {_number(plan.baseline.accuracy.auc)})"),
    ]


def table(plan: ServingPlan) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows: what was measured, as ratios to the baseline, and why it is not chosen."""
    rows: list[tuple[str, ...]] = []
    for name, figures, reason in _measured(plan):
        ratios, accuracy = figures.ratios, figures.accuracy
        whole = "-" if ratios.end_to_end is None else f"{ratios.end_to_end:.2f} x"
        speeds = f"{ratios.throughput:.2f} x", f"{ratios.latency:.2f} x", whole
        rows.append((name, *speeds, *_accuracy(accuracy), reason))
    return _COLUMNS, rows


def pareto(plan: ServingPlan) -> Figure:
    """Throughput against latency, a numbered point a trial; a line joins those beaten by none.

    Both are the baseline's figures times a trial's ratios: what was measured in busier minutes
    compares.
    """
    drawn = pictures.figure(9.2, 5.2)
    axes, measured = drawn.subplots(), _measured(plan)
    points = [_point(figures, plan.baseline) for _, figures, _ in measured]
    reasons = [reason for _, _, reason in measured]
    _line(axes, [p for p, reason in zip(points, reasons, strict=True) if not _breaks(reason)])
    for number, (point, (name, _, reason)) in enumerate(zip(points, measured, strict=True), 1):
        _mark(axes, point, number, name, reason)
    for scale, axis in ((axes.set_xscale, axes.xaxis), (axes.set_yscale, axes.yaxis)):
        scale("log")  # one slow trial would press all others into a corner
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    axes.tick_params(which="both", labelsize=8)
    axes.set_xlabel("latency of one image, ms (less is better)")
    axes.set_ylabel("images a second, model stage (more is better)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False, markerscale=0.6
    )
    return drawn


def _mark(axes: Axes, point: tuple[float, float], number: int, name: str, reason: str) -> None:
    """A numbered point; the chosen one lies above its neighbours."""
    is_chosen = reason == "chosen"
    colour = _CHOSEN if is_chosen else _BAD if _breaks(reason) else _GOOD
    layer = 4 if is_chosen else 2
    axes.scatter(*point, s=170, color=colour, alpha=0.85, zorder=layer, label=f"{number} {name}")
    axes.annotate(
        str(number), point, color="white", fontsize=7, ha="center", va="center", zorder=layer + 1
    )


def frontier(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (latency, throughput) that no other one beats in both, by latency."""
    best, kept = 0.0, []
    for latency, rate in sorted(points, key=lambda point: (point[0], -point[1])):
        if rate > best:
            kept.append((latency, rate))
            best = rate
    return kept


def _measured(plan: ServingPlan) -> list[tuple[str, Figures, str]]:
    """The baseline, what was chosen, and all other trials with figures: name, figures, reason."""
    chosen = Trial(choices=plan.choices, figures=plan.figures, reason="chosen")
    first = [Trial(choices=BASELINE, figures=plan.baseline, reason="baseline")]
    trials = [chosen, *plan.trials] if plan.choices == BASELINE else [*first, chosen, *plan.trials]
    seen = [trial for trial in trials if trial.figures is not None]
    return [(t.name, t.figures, t.reason) for t in seen if t.figures is not None]


def _breaks(reason: str) -> bool:
    """Whether a trial is out for what it does to a limit."""
    return "(limit " in reason


def _point(figures: Figures, baseline: Figures) -> tuple[float, float]:
    batch = recipe_of(BASELINE).batch_size
    rate = figures.ratios.throughput * baseline.throughput[batch]
    return figures.ratios.latency * 1000 / baseline.throughput[1], rate


def _line(axes: Axes, points: list[tuple[float, float]]) -> None:
    found = frontier(points)
    axes.plot(*zip(*found, strict=True), color=pictures.FAINT, linewidth=1, zorder=1)


def _accuracy(accuracy: Accuracy) -> tuple[str, str, str, str]:
    return (
        _number(accuracy.auc),
        percent(accuracy.flips),
        _number(accuracy.word_auc),
        percent(accuracy.word_flips),
    )


def _details(figures: Figures) -> tuple[str, ...]:
    return tuple(spoken(figures) for spoken in _DETAILS.values())


def _sizes(measured: list[tuple[str, Figures, str]]) -> list[int]:
    return sorted({size for _, figures, _ in measured for size in figures.throughput})


def _rates(figures: Figures, sizes: list[int]) -> tuple[str, ...]:
    rates = figures.throughput
    return tuple(f"{rates[size]:.1f}" if size in rates else "-" for size in sizes)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
