"""The result of a job as a table, streamed: one row an image, in the order in which they came."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from assay.records import Label
from assay.store import Capture, Job, JobItem, JobState, Store
from bento.api.job_shapes import ARCHIVE, JobLine

COLUMNS = (
    "name", "external_id", "id", "label", "score",
    *(f"probability_{label.value}" for label in Label),
    "needs_review", "error", "code",
)  # fmt: skip
"""``name`` is that of the file or the address; ``error`` and ``code`` say why there is no label."""

_PAGE = 500
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection")."""

Row = Mapping[str, Any]


def rows(store: Store, job: Job) -> Iterator[Row]:
    """A row for each item that has a result, read in pages."""
    items = (item for item in store.jobs.items(job.id) if item.state is not JobState.PENDING)
    while page := list(islice(items, _PAGE)):
        ids = [item.capture_id for item in page if item.capture_id]
        found = store.captures.find_all(ids)
        for item in page:
            yield _row(job, item, found.get(item.capture_id or ""))


def as_jsonl(table: Iterator[Row]) -> Iterator[bytes]:
    """One JSON object a line."""
    for row in table:
        yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


def as_csv(table: Iterator[Row]) -> Iterator[bytes]:
    """CSV as of RFC 4180; a cell that a spreadsheet would run gets an apostrophe in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in table:
        writer.writerow([_defused(row[column]) for column in COLUMNS])
        yield _taken(buffer)
    yield _taken(buffer)


def as_parquet(table: Iterator[Row]) -> Iterator[bytes]:
    """A Parquet file, a page of rows in each group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    written = _Tail()
    with pq.ParquetWriter(written, schema) as writer:
        while page := list(islice(table, _PAGE)):
            writer.write_table(pa.Table.from_pylist([dict(row) for row in page], schema))
            yield written.take()
    yield written.take()


WRITERS: Mapping[str, tuple[str, Callable[[Iterator[Row]], Iterator[bytes]]]] = {
    "parquet": ("application/vnd.apache.parquet", as_parquet),
    "csv": ("text/csv; charset=utf-8", as_csv),
    "jsonl": ("application/x-ndjson", as_jsonl),
}
"""Media type and writer of each format."""


class _Tail(io.RawIOBase):
    """A file that is only written to, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _row(job: Job, item: JobItem, capture: Capture | None) -> Row:
    name, external_id = _named(job, item)
    row: dict[str, Any] = {**dict.fromkeys(COLUMNS), "name": name, "external_id": external_id}
    if item.error:
        return {**row, "error": item.error, "code": item.code}
    if capture is None or capture.deleted_at is not None:
        return {**row, "error": "the detection was deleted since", "code": "not_captured"}
    chances = {f"probability_{label}": p for label, p in capture.probabilities.items()}
    return {
        **row,
        **chances,
        "id": capture.id,
        "label": capture.label.value,
        "score": capture.score,
        "needs_review": capture.needs_review,
    }


def _named(job: Job, item: JobItem) -> tuple[str, str]:
    if job.kind == ARCHIVE:
        return item.source, item.source
    line = JobLine.model_validate_json(item.source)
    return line.url, line.external_id


def _defused(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _schema() -> Any:
    import pyarrow as pa

    numbers = {"score", *(column for column in COLUMNS if column.startswith("probability_"))}
    kinds = {**dict.fromkeys(numbers, pa.float64()), "needs_review": pa.bool_()}
    return pa.schema([(column, kinds.get(column, pa.string())) for column in COLUMNS])
