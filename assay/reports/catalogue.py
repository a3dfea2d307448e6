"""The datasets of a state folder, as tables drawn in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from assay.catalogue import Contents, Counts, Entry
from assay.conflicts import Conflict
from assay.dataset_diff import Difference, Part
from assay.parameters import flatten
from assay.reports.terminal import table_of

_CONFLICTS_SHOWN = 50
_SHOWN = 12
"""Values of one column; the rest is counted."""


def listing(entries: Sequence[Entry]) -> Table:
    """One line a build, newest first."""
    facts = "version", "built (UTC)", "source", ">rows", "by label", "by split"
    table = table_of(*facts, ">rejected", ">MB", "where", "trained models")
    for entry in entries:
        state = entry.version if entry.state == "complete" else f"{entry.state}: {entry.path.name}"
        table.add_row(
            Text(state, "" if entry.state == "complete" else "yellow"),
            entry.created_at[:16].replace("T", " "),
            entry.source,
            f"{entry.rows}" if entry.version else "",
            _inline(entry.labels),
            _inline(entry.splits),
            f"{entry.rejected}" if entry.version else "",
            f"{entry.bytes / 1e6:.0f}",
            entry.place,
            ", ".join(entry.models),
        )
    return table


def contents(shown: Contents) -> Iterator[RenderableType]:
    """Everything about one dataset."""
    yield Text(f"dataset {shown.version}", "bold")
    yield Text(f"{shown.rows} rows, built {shown.created_at or 'at an unknown time'}, {shown.path}")
    table = table_of("split", ">groups", *(f">{label}" for label in shown.counts["label"]), ">rows")
    for split, labels in shown.labels_by_split.items():
        cells = [labels.get(label, 0) for label in shown.counts["label"]]
        numbers = shown.groups.get(split, 0), *cells, sum(cells)
        table.add_row(split, *map(str, numbers))
    yield table
    table = table_of("rows by", "value", ">count")
    for name, counts in shown.counts.items():
        for value, count in counts.items():
            table.add_row(name, value, str(count))
    yield table
    yield _settings(flatten(shown.settings))
    yield from _rejected(shown)


def conflicts(found: Sequence[Conflict]) -> Iterator[RenderableType]:
    """Each conflict with the images that are alike and their labels."""
    if not found:
        yield Text("no two images with the same pixels have two labels")
        return
    table = table_of("pixels", "image", "label")
    for conflict in found[:_CONFLICTS_SHOWN]:
        for number, (image_id, label) in enumerate(conflict.labels):
            table.add_row("" if number else conflict.pixels, Text(image_id), label)
    yield table
    left = len(found) - _CONFLICTS_SHOWN
    yield Text(f"{len(found):,} conflicts" + (f", {left:,} of them not shown" * (left > 0)))


def difference(shown: Difference) -> Iterator[RenderableType]:
    """What came, went and changed, then counts and settings before and after."""
    yield Text(f"dataset {shown.before} -> {shown.after}", "bold")
    old, new = shown.rows
    yield Text(f"rows {old} -> {new} ({new - old:+d})")
    if shown.before == shown.after:
        yield Text("the same version: the same rows")
    table = table_of("rows", ">count", "by label", "by dataset", "by source", "such as")
    for name, part in (("added", shown.added), ("removed", shown.removed)):
        table.add_row(name, *_part(part))
    table.add_row("changed", *_part(shown.changed))
    yield table
    yield from _changes(shown)
    table = table_of("rows by", "value", ">before", ">after", ">change")
    for name, values in shown.counts.items():
        for value, (before, after) in values.items():
            change = f"{after - before:+d}" if after != before else ""
            table.add_row(name, value, str(before), str(after), change)
    yield table
    if shown.settings:
        table = table_of("setting", "before", "after")
        for name, (was, is_now) in shown.settings.items():
            table.add_row(name, was, is_now)
        yield table


def _changes(shown: Difference) -> Iterator[RenderableType]:
    if not shown.changed.count:
        return
    table = table_of("changed", "from -> to", ">rows")
    for name, counts in shown.transitions.items():
        for pair, count in list(counts.items())[:_SHOWN]:
            table.add_row(name, pair, str(count))
        if hidden := list(counts.values())[_SHOWN:]:
            table.add_row(name, f"{len(hidden)} other changes", str(sum(hidden)))
    if shown.content:
        table.add_row("content alone", "image, mask, caption or rationale", str(shown.content))
    yield table


def _rejected(shown: Contents) -> Iterator[RenderableType]:
    if not shown.rejected:
        yield Text("no row was rejected")
        return
    table = table_of("rejected because", ">rows", "such as")
    for kind in shown.rejected:
        first = kind.examples[0]
        table.add_row(kind.reason, str(kind.count), f"{first.image_id}: {first.reason}")
    yield table


def _settings(flat: Mapping[str, str]) -> Table:
    table = table_of("setting", "value")
    for name, value in flat.items():
        table.add_row(name, value)
    return table


def _part(part: Part) -> list[str]:
    return [str(part.count), *map(_inline, part.by.values()), ", ".join(part.examples)]


def _inline(counts: Counts) -> str:
    """``authentic 1950, manipulated 1300``; of many values, the most frequent."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    shown = [f"{value} {count}" for value, count in ordered[:_SHOWN]]
    hidden = len(ordered) - len(shown)
    return ", ".join([*shown, f"and {hidden} more"] if hidden else shown)
