"""The page about one window of traffic: what moved, by how much, and how well it was judged.

It is drawn from the numbers that are kept, so that it can be drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.monitoring.numbers import ColumnDrift, ReferenceKind, WindowNumbers
from assay.monitoring.performance_numbers import Figure, Performance
from assay.reports import pictures
from assay.reports.figures import SERIES
from assay.reports.page import Page, percent, render
from assay.reports.pictures import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from assay.monitoring.decision import RetrainDecision

TITLE = "Monitoring"
REFERENCES: Mapping[ReferenceKind, str] = {
    ReferenceKind.TRAINING_CAPTURES: "the traffic that the model learned from",
    ReferenceKind.FIRST_CAPTURES: "the first traffic that the model answered",
    ReferenceKind.DATASET: "images of the training dataset, which traffic differs from anyhow",
    ReferenceKind.NONE: "nothing to compare with yet",
}
_SHOWN = 12
"""Columns that are drawn: those that moved most."""
_COLUMNS = ("column", "changed, at least", "reference", "window", "p", "p, corrected", "pictures")
_NUMBERS = ("changed, at least", "reference", "window", "p", "p, corrected", "pictures")


def page(numbers: WindowNumbers, action: str = "", reasons: Sequence[str] = ()) -> Page:
    """The whole report, with what was decided."""
    return render(
        "monitoring.html",
        TITLE,
        numbers=numbers,
        sentence=sentence(numbers),
        span=span(numbers),
        reference=_reference(numbers),
        action=action,
        reasons=reasons,
        tiles=_tiles(numbers),
        moved=[_moved(column) for column in numbers.drifted[:_SHOWN]],
        columns=_COLUMNS,
        rows=[_row(column) for column in numbers.drift],
        numeric=_NUMBERS,
        mix=[(name, percent(share)) for name, share in numbers.verdict_mix.items()],
        quality=list(_quality(numbers)),
        figures=_figures(numbers.performance),
        slices=_slices(numbers.performance),
    )


def title(column: ColumnDrift) -> str:
    """A column's name for readers, such as ``descriptor: sharpness``."""
    is_prefixed = column.name[1:2] == "_"
    return f"{column.family}: {column.name[2:] if is_prefixed else column.name}"


def sentence(numbers: WindowNumbers) -> str:
    """What the window came to."""
    if not numbers.is_enough:
        return f"Not enough data: {numbers.groups:,} pictures, {_reference(numbers)}."
    if not numbers.drifted:
        return f"Nothing moved in {len(numbers.drift)} columns."
    first = numbers.drifted[0]
    most = f"most of all {title(first)}, for at least {percent(first.effect)} of the traffic"
    return f"{len(numbers.drifted)} of {len(numbers.drift)} columns moved, {most}."


def closing(numbers: WindowNumbers) -> RenderableType:
    """A window in the terminal: what it came to, and what moved."""
    table = Table("column", "changed, at least", "before", "now", box=None, header_style="bold")
    for column in numbers.drifted[:_SHOWN]:
        means = _number(column.reference_mean), _number(column.mean)
        table.add_row(title(column), percent(column.effect), *means)
    lines: list[RenderableType] = [Text(f"{span(numbers)}: {sentence(numbers)}", "bold")]
    return Group(*lines, *([table] if numbers.drifted else []))


def decided(decision: RetrainDecision) -> RenderableType:
    """What follows, in the terminal, and why."""
    words = [Text(f"decision: {decision.action.value}", "bold"), *map(Text, decision.reasons)]
    return Group(*words)


def span(numbers: WindowNumbers) -> str:
    """From when to when, in UTC."""
    return f"{numbers.since:%Y-%m-%d %H:%M} to {numbers.until:%Y-%m-%d %H:%M} UTC"


def histogram(column: ColumnDrift) -> Drawing:
    """The shares of a column's values, in the reference and in the window."""
    drawn = pictures.figure(4.6, 2.4)
    axes = drawn.subplots()
    if column.kind == "numeric":
        _steps(axes, column)
    else:
        _bars(axes, column)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5, colors=INK)
    axes.set_ylabel("share of pictures", fontsize=8.5)
    drawn.legend(frameon=False, fontsize=8.5, loc="outside upper right", ncols=2)
    return drawn


def _steps(axes: Axes, column: ColumnDrift) -> None:
    edges = np.asarray(column.bins, np.float64)
    axes.stairs(column.reference_shares, edges, fill=True, color=FAINT, alpha=0.45)
    axes.stairs(column.reference_shares, edges, color=FAINT, label="reference")
    axes.stairs(column.shares, edges, color=SERIES[0], linewidth=1.8, label="window")


def _bars(axes: Axes, column: ColumnDrift) -> None:
    places = np.arange(len(column.bins))
    names = [pictures.shortened(str(name), 18) for name in column.bins]
    axes.bar(places - 0.2, column.reference_shares, 0.4, color=FAINT, label="reference")
    axes.bar(places + 0.2, column.shares, 0.4, color=SERIES[0], label="window")
    axes.set_xticks(places, names, rotation=20 if len(names) > 3 else 0)


def _moved(column: ColumnDrift) -> dict[str, Any]:
    facts = {
        "changed": f"at least {percent(column.effect)} of the traffic",
        "mean": f"{_number(column.reference_mean)} before, {_number(column.mean)} now",
        "p, corrected": _p(column.p_adjusted),
        "pictures": f"{column.reference_n:,} before, {column.n:,} now",
    }
    if column.mean is None:
        del facts["mean"]
    return {
        "title": title(column),
        "picture": pictures.svg(histogram(column)),
        "facts": list(facts.items()),
    }


def _row(column: ColumnDrift) -> tuple[str, ...]:
    means = _number(column.reference_mean), _number(column.mean)
    p = _p(column.p), _p(column.p_adjusted)
    mark = " •" if column.drifted else ""
    return title(column) + mark, percent(column.effect), *means, *p, f"{column.n:,}"


def _tiles(numbers: WindowNumbers) -> list[tuple[str, str]]:
    found = [
        (f"{numbers.captures:,}", "images answered"),
        (f"{numbers.groups:,}", "pictures: near-duplicates count once"),
        (f"{numbers.labelled:,}", "decided by people"),
    ]
    if numbers.review_share is not None:
        found.append((percent(numbers.review_share), "put before people"))
    if numbers.flip_rate is not None:
        found.append((_interval(numbers.flip_rate), "verdicts that a perturbation flips"))
    return found


def _reference(numbers: WindowNumbers) -> str:
    about = numbers.reference
    if about.kind is ReferenceKind.NONE:
        return REFERENCES[about.kind]
    when = f" until {about.until:%Y-%m-%d}" if about.until else ""
    return f"compared with {REFERENCES[about.kind]}{when} ({about.groups:,} pictures)"


def _quality(numbers: WindowNumbers) -> Iterator[tuple[str, str]]:
    quality = numbers.quality
    if quality.refused_share is not None:
        yield "images that got no answer", percent(quality.refused_share)
    yield from ((f"refused: {code}", f"{count:,}") for code, count in quality.refusals.items())
    yield "captures that repeat another picture", percent(quality.duplicates_share)
    often = f"{quality.largest_group:,} ({percent(quality.largest_group_share)})"
    yield "captures of the picture that came most often", often
    yield from ((f"from {name}", percent(share)) for name, share in quality.clients.items())
    for name, share in quality.missing.items():
        yield f"without {name[2:] if name[1] == '_' else name}", percent(share)


def _figures(performance: Performance | None) -> list[tuple[str, ...]]:
    return [] if performance is None else [_figure(*one) for one in performance.figures.items()]


def _slices(performance: Performance | None) -> list[tuple[str, ...]]:
    if performance is None:
        return []
    rows = (
        [(f"{part.by}: {part.name}", *_figure(*one)) for one in part.figures.items()]
        or [(f"{part.by}: {part.name}", "", "too few labels", f"{part.n:,}", f"{part.groups:,}")]
        for part in performance.slices
    )
    return list(chain.from_iterable(rows))


def _figure(name: str, figure: Figure) -> tuple[str, ...]:
    return name.replace("_", " "), _interval(figure), f"{figure.n:,}", f"{figure.groups:,}"


def _interval(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"
