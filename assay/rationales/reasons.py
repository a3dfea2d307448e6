"""The table of what a teacher said of a dataset's images: written, kept, and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.durable import replace_file
from assay.rationales.account import Account, Replaced
from assay.rationales.gate import Accepted

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

COLUMNS = ("image_id", "split", "teacher", "rationale", "prose", "hints", "tries")
"""``rationale`` is what is learned; ``prose`` and ``hints`` are the teacher's own words, for
people; ``teacher`` is empty where the offline teacher's reasons stand, and so are they."""
_ACCOUNT = b"account"


@dataclass(slots=True)
class Row:
    """What is known of an image after the rounds so far."""

    split: str
    accepted: Accepted | None = None
    hints: str = ""
    tries: int = 0
    fault: str = ""
    replaced: Replaced | None = None


def stored(folder: Path, dataset: Dataset) -> pa.Table | None:
    """What was last written in ``folder`` about ``dataset``, if anything was."""
    import pyarrow.parquet as pq

    path = _place(folder, dataset)
    return pq.read_table(path) if path.is_file() else None


def account_of(table: pa.Table) -> Account:
    """What came of asking, as it was counted."""
    stored = (table.schema.metadata or {}).get(_ACCOUNT)
    return Account.from_dict(json.loads(stored)) if stored else Account()


def learned(table: pa.Table | None) -> dict[str, str]:
    """The reasons to learn by image; an image without any has the offline teacher's."""
    if table is None:
        return {}
    pairs = zip(table["image_id"].to_pylist(), table["rationale"].to_pylist(), strict=True)
    return {name: text for name, text in pairs if text}


def keep(table: pa.Table, folder: Path, dataset: Dataset) -> None:
    """Keep what was written about ``dataset`` in ``folder``, in place of what was there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    replace_file(_place(folder, dataset), buffer.getvalue().to_pybytes())


def as_table(rows: Mapping[str, Row], account: Account) -> pa.Table:
    """A row for each of ``rows``, and the account beside them."""
    import pyarrow as pa

    types = {"tries": pa.int32()}
    schema = pa.schema([pa.field(name, types.get(name, pa.string())) for name in COLUMNS])
    found = [_cells(name, row, account.teacher) for name, row in rows.items()]
    told = {_ACCOUNT: json.dumps(account.as_dict()).encode()}
    return pa.Table.from_pylist(found, schema).replace_schema_metadata(told)


def _cells(name: str, row: Row, teacher: str) -> dict[str, Any]:
    passed = row.accepted
    return {
        "image_id": name,
        "split": row.split,
        "teacher": teacher if passed else "",
        "rationale": passed.learned if passed else "",
        "prose": passed.reason.prose if passed else "",
        "hints": row.hints,
        "tries": row.tries,
    }


def _place(folder: Path, dataset: Dataset) -> Path:
    return folder / f"{dataset.version}.parquet"
