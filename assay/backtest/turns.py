"""Which captures are answered otherwise, in which direction, and whether people agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from assay.backtest import estimates
from assay.backtest.records import Example, Slice, Turn
from assay.notices import Level
from assay.records import Label

if TYPE_CHECKING:
    import pandas as pd

DECIDED, FOR_PEOPLE = "decided", "for people"
_MIN_CAPTURES, _MOST_SLICES = 20, 12


def turns(table: pd.DataFrame, examples: int) -> tuple[Turn, ...]:
    """Every direction in which label, notice or review changes, the most frequent ones first."""
    found = [turn for kind in ("notice", "review", "label") for turn in _of(table, kind, examples)]
    return tuple(sorted(found, key=lambda turn: (_KINDS.index(turn.kind), -turn.captures)))


def slices(table: pd.DataFrame, days: float) -> tuple[Slice, ...]:
    """Notices and reviews by client and by kind of file, the largest parts first."""
    found = [part for by in ("client", "stratum") for part in _parts(table, by, days)]
    return tuple(found)


_KINDS = ("notice", "review", "label")


def _of(table: pd.DataFrame, kind: str, examples: int) -> Iterator[Turn]:
    before, after = (_words(table, kind, side) for side in ("old", "new"))
    moved = table[before != after]
    for (old, new), rows in moved.groupby([before[moved.index], after[moved.index]]):
        yield _turn(kind, str(old), str(new), rows, examples)


def _words(table: pd.DataFrame, kind: str, side: str) -> pd.Series[Any]:
    column = table[f"{side}_{kind}"]
    return column.map({True: FOR_PEOPLE, False: DECIDED}) if kind == "review" else column


def _turn(kind: str, old: str, new: str, rows: pd.DataFrame, examples: int) -> Turn:
    once = rows.drop_duplicates("image")
    known = once[once["human"] != ""]
    right = {side: _is_right(known, kind, side) for side in ("old", "new")}
    decisive = kind != "review"  # a person is not more right for being asked
    return Turn(
        kind=kind,
        before=old,
        after=new,
        captures=len(rows),
        images=len(once),
        labelled=len(known),
        mended=int((right["new"] & ~right["old"]).sum()) if decisive else 0,
        broken=int((right["old"] & ~right["new"]).sum()) if decisive else 0,
        examples=tuple(map(_example, _shown(rows, examples))),
    )


def _is_right(known: pd.DataFrame, kind: str, side: str) -> pd.Series[bool]:
    """Whether people agree: with the label, or with telling users something or nothing."""
    if kind == "notice":
        return (known[f"{side}_notice"] == Level.NONE.value) == known["is_cleared"].astype(bool)
    return known[f"{side}_label"] == known["human"]


def _shown(rows: pd.DataFrame, examples: int) -> list[dict[str, Any]]:
    """One of each group, those whose score moved farthest first; then those that people decided."""
    moved = (rows["new_score"] - rows["old_score"]).abs()
    ordered = rows[~rows["is_hidden"].astype(bool)].assign(moved=moved, known=rows["human"] != "")
    ordered = ordered.sort_values(["moved", "known", "capture_id"], ascending=[False, False, True])
    chosen = ordered.drop_duplicates("group").head(examples)
    return [{str(name): value for name, value in row.items()} for row in chosen.to_dict("records")]


def _example(row: dict[str, Any]) -> Example:
    return Example(
        capture_id=row["capture_id"],
        label=Label(row["new_label"]).value,
        scores=(row["old_score"], row["new_score"]),
        labels=(row["old_label"], row["new_label"]),
        notices=(row["old_notice"], row["new_notice"]),
        human=row["human"],
    )


def _parts(table: pd.DataFrame, by: str, days: float) -> Iterator[Slice]:
    sizes = table[by].value_counts()
    for name in sizes[sizes >= _MIN_CAPTURES].index[:_MOST_SLICES]:
        part = table[table[by] == name]
        yield Slice(
            by=by,
            name=str(name),
            captures=len(part),
            notices=estimates.notices(part, days),
            reviews=estimates.reviews(part, days),
        )
