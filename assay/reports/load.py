"""What a load came to: tables in the terminal, a picture of every latency, both as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import RenderableType
from rich.table import Table

from assay import exports
from assay.load.pacing import Answer, Load, Pace
from assay.load.summary import COLUMNS, LATE, Accuracy, Percentile, Summary, is_failure, row
from assay.load.uploads import BUNDLED
from assay.reports import interval
from assay.reports.figures import SERIES
from assay.reports.pictures import FAINT, INK, figure, shortened, svg_file
from assay.reports.terminal import table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REQUESTS, SUMMARY, PICTURE = "requests.csv", "summary.json", "latency"
"""Files of a report; the picture is there as SVG and as PNG."""

_FAILED = "#b3261e"
_WINDOWS, _IN_WINDOW = 30, 20
"""Of time, over each of which a point of the lines stands: at most, and verdicts in each."""
_SHOWN = 6
"""Reasons of refusals that the terminal shows; the CSV has them all."""
_FACTOR = 1.15
"""Between two edges of the histogram, whose axis is logarithmic."""


def write(load: Load, summary: Summary, folder: Path) -> list[Path]:
    """Write requests, summary and picture into ``folder``, and return their paths."""
    from pydantic import TypeAdapter

    folder.mkdir(parents=True, exist_ok=True)
    drawn = latencies(load, summary)
    rows = (row(one) for one in sorted(load.answers, key=lambda one: one.number))
    facts = TypeAdapter(Summary).dump_python(summary, mode="json")
    files = [folder / REQUESTS, folder / SUMMARY, folder / f"{PICTURE}.svg"]
    with files[0].open("wb") as stream:
        stream.writelines(exports.as_csv(rows, COLUMNS))
    files[1].write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    files[2].write_bytes(svg_file(drawn))
    files.append(folder / f"{PICTURE}.png")
    drawn.savefig(files[-1], dpi=120)
    return files


def places(files: Sequence[Path]) -> str:
    """Where `write` wrote."""
    return f"{files[0].parent}: {', '.join(file.name for file in files)}"


def tables(summary: Summary) -> Iterator[RenderableType]:
    """All that somebody wants to know first, in the order of asking."""
    yield _outcome(summary)
    yield _percentiles("latency of verdicts, ms", summary.latency)
    if summary.latency_computed:
        yield _percentiles("latency without the repeats, ms", summary.latency_computed)
    if summary.accuracy:
        yield _accuracy(summary.accuracy)
    yield from notes(summary)


def notes(summary: Summary) -> Iterator[str]:
    """Sentences about what the numbers do not say by themselves."""
    if summary.is_interrupted:
        yield f"Stopped by Ctrl-C; requests under way, which are not told of: {summary.unfinished}."
    elif summary.unfinished:
        yield f"Requests that never ended and were given up: {summary.unfinished}."
    if summary.late:
        yield (
            f"Requests sent more than {1000 * LATE:.0f} ms after they were due: {summary.late}, "
            f"the latest {summary.worst_delay:.1f} s; latency counts from when they were due."
        )
    if summary.repeats or summary.from_store:
        yield (
            f"Requests with an image that was sent before: {summary.repeats}; verdicts from the "
            f"store, for which no model was asked: {summary.from_store}."
        )
    if summary.accuracy and summary.images.startswith(BUNDLED):
        yield (
            "A model that `make train` made has learned from some of these photographs: the "
            "accuracy tells whether the service works, not how good the model is."
        )
    if summary.rejected:
        file, why = next(iter(summary.rejected.items()))
        yield f"Listed images that were not sent: {len(summary.rejected)}, such as {file}: {why}"


def latencies(load: Load, summary: Summary) -> Figure:
    """Each request's latency over the time when it was due, and their distribution beside it.

    Lines are percentiles of windows of time; a vertical one marks another model's first answer.
    """
    drawn = figure(9.6, 4.4)
    over_time, counts = drawn.subplots(1, 2, sharey=True, width_ratios=[4, 1])
    _points(over_time, load.answers)
    _lines(over_time, load.verdicts)
    _versions(over_time, load.verdicts)
    _histogram(counts, load.verdicts, summary.latency)
    for axes in (over_time, counts):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(FAINT)
        axes.tick_params(color=FAINT, labelsize=9)
    over_time.set(xlabel="seconds since the beginning", ylabel="latency, ms", xlim=(0, None))
    counts.set_xlabel("verdicts")
    over_time.set_title(_title(summary), loc="left", fontsize=9.5, color=INK)
    handles, words = over_time.get_legend_handles_labels()
    drawn.legend(handles, words, loc="outside lower center", frameon=False, ncols=6, fontsize=9)
    return drawn


def _points(axes: Axes, answers: Sequence[Answer]) -> None:
    kinds = (
        ("verdict", ".", SERIES[0], 0.45, [one for one in answers if one.is_verdict]),
        ("refused", "D", SERIES[1], 0.45, [one for one in answers if _is_refusal(one)]),
        ("failed", "x", _FAILED, 1.0, [one for one in answers if is_failure(one)]),
    )
    for name, marker, colour, alpha, some in kinds:
        if some:
            x, y = np.array([(one.due, 1000 * one.latency) for one in some]).T
            axes.plot(x, y, marker, color=colour, label=name, markersize=4, alpha=alpha)


def _lines(axes: Axes, verdicts: Sequence[Answer]) -> None:
    windows = min(_WINDOWS, len(verdicts) // _IN_WINDOW)
    if windows < 2:
        return
    due = np.array([one.due for one in verdicts])
    values = 1000 * np.array([one.latency for one in verdicts])
    edges = np.linspace(0, due.max() * (1 + 1e-9), windows + 1)
    members = [values[(due >= low) & (due < high)] for low, high in pairwise(edges)]
    for percent, dash in ((50, "-"), (95, "--")):
        y = [np.percentile(some, percent) if len(some) else np.nan for some in members]
        axes.plot((edges[1:] + edges[:-1]) / 2, y, dash, color=INK, label=f"p{percent}")


def _versions(axes: Axes, verdicts: Sequence[Answer]) -> None:
    """Where a model first answers, from the second one on."""
    first: dict[str, float] = {}
    for one in sorted(verdicts, key=lambda one: one.due):
        first.setdefault(str(one.found("model_version")), one.due)
    for version, moment in list(first.items())[1:]:
        axes.axvline(moment, color=INK, linewidth=0.9, linestyle=":")
        words = f" {shortened(version, 20)}"
        axes.text(moment, 0.99, words, transform=axes.get_xaxis_transform(), va="top", fontsize=8)


def _histogram(axes: Axes, verdicts: Sequence[Answer], marks: Sequence[Percentile]) -> None:
    values = 1000 * np.array([one.latency for one in verdicts])
    if not len(values):
        return
    bins = int(np.log(values.max() / values.min()) / np.log(_FACTOR)) + 2
    edges = values.min() / _FACTOR * _FACTOR ** np.arange(bins + 1)
    axes.hist(values, edges, orientation="horizontal", color=SERIES[0], alpha=0.6)
    for mark in marks:
        if mark.percent in (50, 99):  # in between, the dashed line tells more
            axes.axhline(mark.value, color=INK, linewidth=0.8, linestyle=":")
            where, words = axes.get_yaxis_transform(), _name(mark)
            axes.text(1, mark.value, words, transform=where, va="bottom", ha="right", fontsize=8)


def _is_refusal(answer: Answer) -> bool:
    return not answer.is_verdict and not is_failure(answer)


def _title(summary: Summary) -> str:
    return (
        f"{shortened(summary.url, 48)}, {in_words(summary.pace)}: "
        f"{summary.throughput:.3g} verdicts a second, {summary.failed} failed"
    )


def in_words(pace: Pace) -> str:
    """The pace as people say it."""
    if pace.rate is not None:
        return f"{pace.rate:g} requests a second"
    return "1 client" if pace.clients == 1 else f"{pace.clients} clients"


def _outcome(summary: Summary) -> Table:
    table = table_of("load", summary.url)
    facts = {
        "images": summary.images,
        "pace": in_words(summary.pace),
        "requests": f"{summary.requests} in {summary.seconds:.1f} s",
        "verdicts": f"{summary.verdicts}, {summary.throughput:.2f} a second",
        "failed": str(summary.failed),
        "statuses": _list(summary.statuses),
        "model versions": _list(summary.model_versions),
        "serving plans": _list(summary.serving_plans),
    }
    for name, value in facts.items():
        table.add_row(name, value)
    for why, count in list(summary.errors.items())[:_SHOWN]:
        table.add_row(f"no verdict, {count}", why)
    return table


def _percentiles(heading: str, found: Sequence[Percentile]) -> Table:
    table = table_of(heading, ">value", ">95 % interval")
    for one in found:
        table.add_row(_name(one), f"{one.value:.1f}", _ends(one))
    return table


def _ends(one: Percentile) -> str:
    if one.low is None and one.high is None:
        return "-"
    low, high = (f"{end:.1f}" if end is not None else "?" for end in (one.low, one.high))
    return f"{low} to {high}"


def _name(one: Percentile) -> str:
    return "max" if one.percent == 100 else f"p{one.percent:g}"


def _accuracy(found: Accuracy) -> Table:
    table = table_of(f"accuracy on {found.images} labelled images", ">value (95 %)")
    table.add_row("AUC", interval(found.auc))
    table.add_row("balanced accuracy", interval(found.balanced_accuracy))
    table.add_row("authentic among them", str(found.authentic))
    return table


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "-"
