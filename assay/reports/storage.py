"""What lies where, and what goes, as tables drawn in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table

from assay.garbage import Item
from assay.reports.terminal import table_of
from assay.usage import Usage

_NAMED = ("build", "dataset")
"""Kinds that are shown one by one; of others there are too many."""


def usage(found: Sequence[Usage]) -> Table:
    """One line a kind and place."""
    table = table_of("where", "what", ">files", ">MB", "newest (UTC)")
    for one in found:
        newest = f"{one.newest:%Y-%m-%d %H:%M}"
        table.add_row(one.place, one.kind, f"{one.files}", f"{one.bytes / 1e6:.1f}", newest)
    return table


def garbage(found: Sequence[Item], is_dry: bool) -> Iterator[RenderableType]:
    """What goes and what stays, each with the reason, and a sentence of the sum."""
    table = table_of("", "what", "name", ">MB", "why")
    rows: dict[tuple[bool, str, str, str], list[int]] = {}
    for item in sorted(found, key=lambda item: (not item.goes, item.kind, item.name)):
        name = item.name if item.kind in _NAMED else ""
        rows.setdefault((item.goes, item.kind, name, item.why), []).append(item.bytes)
    for (goes, kind, name, why), sizes in rows.items():
        shown = name or f"{len(sizes)} of them"
        table.add_row("goes" if goes else "stays", kind, shown, f"{sum(sizes) / 1e6:.1f}", why)
    yield table
    going = [item for item in found if item.goes]
    done = "would go" if is_dry else "went"
    yield f"{len(going)} of {len(found)} {done}, {sum(one.bytes for one in going) / 1e6:.1f} MB"
