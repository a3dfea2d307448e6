"""A window of traffic as a table: one row a capture, with what is compared and what was decided.

Columns:

    capture_id, created_at, client, media_type, model_version
    group           near-duplicates of the window share one; pixel-equal captures always
    label, score, stratum, needs_review
    flipped         whether a stability check changed the label; None where none was made
    d_<name>        descriptors (`assay.descriptors`), NaN where absent
    f_<id>          values of findings, NaN where not applicable
    e_<n>           principal components of the model's representation, from 0
    human_label     what people decided, None where nobody did
    is_blind        whether the one who decided did not know the verdict; False without decision
    decided_by      an account, empty without decision
    weight          1 / selection probability of captures selected by design (needs review, audit),
                    whether or not they are decided; NaN for all others, also where a report or an
                    appeal brought a decision
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.monitoring.groups import group
from assay.store.traffic import Served, Span

if TYPE_CHECKING:
    import pandas as pd

    from assay.store import Store

LIMIT = 100_000
"""Captures that a window holds at most: the newest."""
DESCRIPTOR, FINDING, EMBEDDING = "d_", "f_", "e_"
"""What the names of columns begin with."""
SELECTED = ("needs_review", "audit")
"""Reasons of a selection that was drawn by design, with a probability that is known."""

_COPIED = ("client", "media_type", "label", "score", "stratum", "needs_review", "model_version")
_DECIDED = ("human_label", "is_blind", "decided_by", "weight")
_FACTS = ("capture_id", "created_at", *_COPIED, "flipped", *_DECIDED, "pixel_digest", "pdq")


def window_frame(
    store: Store,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = LIMIT,
    *,
    model_version: str = "",
    newest: bool = True,
) -> pd.DataFrame:
    """What was served from ``since`` to before ``until``, oldest first, as the columns above.

    At most ``limit`` captures, the newest or else the oldest; None and an empty ``model_version``
    leave all. Deleted captures are left out. Raises `StoreUnavailable`.
    """
    columns = _Columns()
    for page in store.traffic.read(Span(since, until, model_version), limit, newest=newest):
        columns.add(page)
    table = columns.frame().sort_values(["created_at", "capture_id"], ignore_index=True)
    table["group"] = group(table["pixel_digest"].tolist(), table["pdq"].tolist())
    return table.drop(columns=["pixel_digest", "pdq"])


def one_each(table: pd.DataFrame) -> pd.DataFrame:
    """The first row of each group: a picture that went viral counts once."""
    return table.drop_duplicates("group", ignore_index=True)


class _Columns:
    """Rows on their way into a table; numbers take eight bytes each."""

    def __init__(self) -> None:
        self._facts: dict[str, list[Any]] = {name: [] for name in _FACTS}
        self._numbers: dict[str, array[float]] = {}
        self._count = 0

    def add(self, page: Iterable[Served]) -> None:
        """Take up the rows of a page."""
        for served in page:
            for name, value in _facts(served).items():
                self._facts[name].append(value)
            for name, number in _numbers(served.capture).items():
                column = self._numbers.get(name)
                if column is None or len(column) < self._count:
                    column = self._column(name)
                column.append(number)
            self._count += 1

    def frame(self) -> pd.DataFrame:
        """The table of all rows."""
        import pandas as pd

        numbers = {name: np.asarray(self._column(name)) for name in sorted(self._numbers)}
        table = pd.DataFrame(self._facts)
        table["created_at"] = pd.to_datetime(table["created_at"], utc=True)
        return pd.concat([table, pd.DataFrame(numbers)], axis=1)

    def _column(self, name: str) -> array[float]:
        """The numbers of a column up to the present row, NaN where there were none."""
        column = self._numbers.setdefault(name, array("d"))
        column.extend([np.nan] * (self._count - len(column)))
        return column


def _facts(served: Served) -> dict[str, Any]:
    """The columns that every capture has."""
    row, ruling = served.capture, served.ruling
    return {
        "capture_id": row["id"],
        "created_at": row["created_at"],
        **{name: row[name] for name in _COPIED},
        "flipped": _is_flipped(row),
        "human_label": ruling.label if ruling else None,
        "is_blind": ruling is not None and ruling.is_blind,
        "decided_by": ruling.decided_by if ruling else "",
        "weight": _weight(row),
        "pixel_digest": row["pixel_digest"],
        "pdq": row["pdq"],
    }


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The columns that only some have."""
    values = {DESCRIPTOR + name: float(value) for name, value in row["descriptors"].items()}
    measured: Mapping[str, float] = row["findings"] or {}
    values |= {FINDING + name: float(value) for name, value in measured.items()}
    return values | {f"{EMBEDDING}{n}": float(v) for n, v in enumerate(row["embedding"])}


def _is_flipped(row: Mapping[str, Any]) -> bool | None:
    if row["stability"] is None:
        return None
    return any(again["label"] != row["label"] for again in row["stability"].values())


def _weight(row: Mapping[str, Any]) -> float:
    probability = row["selection_probability"]
    is_drawn = row["selection_reason"] in SELECTED and probability > 0
    return 1 / probability if is_drawn else np.nan
