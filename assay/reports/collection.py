"""What a run of collectors came to: posts, images, refusals, waits and answers, by collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.collecting import Collection, Ending, Gathered
from assay.reports.page import Page, render

if TYPE_CHECKING:
    from rich.console import Group

COLUMNS = (
    *("collector", "ended", "posts", "images", "known before", "handed in", "refused"),
    *("for people", "limit waits"),
)
NUMBERS = COLUMNS[2:8]
_REFUSALS = ("collector", "why", "images", "for example")
_CURSORS = ("collector", "before", "after")


def page(found: Collection) -> Page:
    """Totals first; then each collector, what was refused and why, and where cursors stand."""
    gathered = found.gathered
    return render(
        "collection.html",
        f"Collected, {found.began:%Y-%m-%d %H:%M} UTC",
        found=found,
        tiles=[
            ("posts", sum(one.posts for one in gathered)),
            ("images handed in", sum(one.handed_in for one in gathered)),
            ("for people to look at", sum(one.to_review for one in gathered)),
            ("refused", sum(sum(one.refused.values()) for one in gathered)),
        ],
        columns=COLUMNS,
        numbers=NUMBERS,
        rows=[row(one) for one in gathered],
        reasons=[(one.name, one.reason) for one in gathered if one.reason],
        refusals=[
            (one.name, why.replace("_", " "), str(count), one.example.get(why, ""))
            for one in gathered
            for why, count in one.refused.items()
        ],
        refusal_columns=_REFUSALS,
        labels=[
            (one.name, label, str(count)) for one in gathered for label, count in one.labels.items()
        ],
        cursors=[(one.name, _cursor(one, "before"), _cursor(one, "after")) for one in gathered],
        cursor_columns=_CURSORS,
    )


def row(one: Gathered) -> tuple[str, ...]:
    """A collector in the words of `COLUMNS`."""
    counts = one.posts, one.images, one.known, one.handed_in, sum(one.refused.values())
    waits = f"{one.waits} ({one.waited:.0f} s)" if one.waits else "none"
    numbers = (f"{count:,}" for count in (*counts, one.to_review))
    return one.name, one.ending.value, *numbers, waits


def closing(found: Collection) -> Group:
    """The table of collectors, and why one did not come to its end."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in NUMBERS else "left")
    for one in found.gathered:
        table.add_row(*row(one))
    lines = [
        Text(f"{one.name}: {one.reason}", "red" if one.ending.is_failure else "yellow")
        for one in found.gathered
        if one.reason
    ]
    refused = [
        Text(f"{one.name}: {count} refused, {why.replace('_', ' ')}")
        for one in found.gathered
        for why, count in one.refused.items()
    ]
    return Group(table, *lines, *refused)


def _cursor(one: Gathered, when: str) -> str:
    cursor = one.before if when == "before" else one.after
    said = [f"since {cursor.since}"] if cursor.since else []
    said += [f"going on at {cursor.page}"] if cursor.page else []
    said += [f"{len(cursor.marks)} addresses known"] if cursor.marks else []
    return ", ".join(said) or ("the beginning" if one.ending is not Ending.COMPLETE else "-")
