"""Rows as the files that people take away, written while the rows are still being read.

Each writer takes an iterator and gives the pieces of a file, so that an export of any length needs
the memory of one page.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

Row = Mapping[str, Any]
"""JSON types by column."""

JSONL, CSV, PARQUET = "jsonl", "csv", "parquet"
MEDIA_TYPES = {
    PARQUET: "application/vnd.apache.parquet",
    CSV: "text/csv; charset=utf-8",
    JSONL: "application/x-ndjson",
}
"""By the name that a format has in addresses and file names."""

_PAGE = 500
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection")."""


def as_jsonl(rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON object a line, UTF-8."""
    return (json.dumps(dict(row), ensure_ascii=False).encode() + b"\n" for row in rows)


def as_csv(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[bytes]:
    """CSV as of RFC 4180; a cell that a spreadsheet would run gets an apostrophe in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(row[column]) for column in columns])
        yield _taken(buffer)
    yield _taken(buffer)


def as_parquet(
    rows: Iterable[Row],
    columns: Sequence[str],
    *,
    numbers: Iterable[str] = (),
    booleans: Iterable[str] = (),
) -> Iterator[bytes]:
    """A Parquet file, a page of ``rows`` in each group; without any it holds the columns.

    Columns are texts, but for ``numbers`` (float64) and ``booleans``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = dict.fromkeys(booleans, pa.bool_()) | dict.fromkeys(numbers, pa.float64())
    schema = pa.schema([(column, kinds.get(column, pa.string())) for column in columns])
    remaining, written = iter(rows), _Tail()
    with pq.ParquetWriter(pa.PythonFile(written, mode="w"), schema) as writer:
        while page := list(islice(remaining, _PAGE)):
            writer.write_table(pa.Table.from_pylist([dict(row) for row in page], schema=schema))
            yield written.take()
    yield written.take()


def begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """``chunks`` with the first one made: what fails at once is an error, no torn file."""
    return chain([next(chunks, b"")], chunks)


class _Tail(io.RawIOBase):
    """A file whose bytes are taken away as they are written; it remembers only how many."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any, /) -> int:
        self._waiting.append(bytes(data))
        self._position += len(self._waiting[-1])
        return len(self._waiting[-1])

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._waiting = b"".join(self._waiting), []
        return taken


def _harmless(value: Any) -> Any:
    is_run = isinstance(value, str) and value.startswith(_FORMULAS)
    return f"'{value}" if is_run else value


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
