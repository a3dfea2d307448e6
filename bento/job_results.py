"""The result of a job as a table, streamed: one row an image, in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from assay import exports
from assay.exports import Row
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
_NUMBERS = ("score", *(f"probability_{label.value}" for label in Label))


def rows(store: Store, job: Job) -> Iterator[Row]:
    """A row for each item that has a result, read in pages."""
    items = (item for item in store.jobs.items(job.id) if item.state is not JobState.PENDING)
    while page := list(islice(items, _PAGE)):
        ids = [item.capture_id for item in page if item.capture_id]
        found = store.captures.find_all(ids)
        for item in page:
            yield _row(job, item, found.get(item.capture_id or ""))


def as_csv(table: Iterable[Row]) -> Iterator[bytes]:
    """The table as CSV."""
    return exports.as_csv(table, COLUMNS)


def as_parquet(table: Iterable[Row]) -> Iterator[bytes]:
    """The table as Parquet."""
    return exports.as_parquet(table, COLUMNS, numbers=_NUMBERS, booleans=("needs_review",))


WRITERS: Mapping[str, Callable[[Iterable[Row]], Iterator[bytes]]] = {
    exports.PARQUET: as_parquet,
    exports.CSV: as_csv,
    exports.JSONL: exports.as_jsonl,
}
"""The writer of each format."""


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
