"""What people decided, as rows to learn from and to estimate with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from assay.store import audit
from assay.store.database import Database
from assay.store.feedback import counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow

Row = dict[str, Any]
"""JSON types by column."""

_PAGE = 1000
_COLUMNS = (
    CaptureRow.id.label("capture_id"),
    CaptureRow.created_at.label("captured_at"),
    CaptureRow.external_id,
    CaptureRow.image_digest,
    CaptureRow.pixel_digest,
    CaptureRow.kept_image,
    CaptureRow.media_type,
    FeedbackRow.label,
    FeedbackRow.action,
    FeedbackRow.reason_code,
    FeedbackRow.who.label("decided_by"),
    FeedbackRow.created_at.label("decided_at"),
    FeedbackRow.is_blind,
    CaptureRow.label.label("model_label"),
    CaptureRow.score.label("model_score"),
    CaptureRow.model_version,
    CaptureRow.selection_reason,
    CaptureRow.selection_probability,
    CaptureRow.is_audit,
    CaptureRow.audit_probability,
)
_BOOLEANS = ("kept_image", "is_blind", "is_audit")
_NUMBERS = ("model_score", "selection_probability", "audit_probability")


class Labels:
    """The export of human decisions; machine verdicts stand beside them, never in their place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, who: str) -> Iterator[Row]:
        """One row a capture with a human decision, oldest first, read in pages.

        Pixel-equal captures carry the one decision of their image. The export is noted in the
        audit log as ``who``'s, before the first row leaves.
        """
        with self._database.writing() as session:
            audit.append(session, self._database.now(), who, "labels.export", "")
        after = ""
        while page := self._page(after):
            yield from page
            after = page[-1]["capture_id"]

    def _page(self, after: str) -> list[Row]:
        newest = sa.select(sa.func.max(FeedbackRow.id)).where(counts())
        newest = newest.group_by(FeedbackRow.case_id)
        query = (
            sa.select(*_COLUMNS)
            .select_from(FeedbackRow)
            .join(CaseRow, CaseRow.id == FeedbackRow.case_id)
            .join(CaptureRow, CaptureRow.pixel_digest == CaseRow.pixel_digest)
            .where(FeedbackRow.id.in_(newest), CaptureRow.id > after)
            .order_by(CaptureRow.id)
            .limit(_PAGE)
        )
        with self._database.reading() as session:
            return [_plain(dict(row)) for row in session.execute(query).mappings()]


def as_jsonl(rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON object a line."""
    return (json.dumps(row).encode() + b"\n" for row in rows)


def write_parquet(rows: Iterable[Row], path: Path) -> None:
    """Write ``rows`` to a Parquet file, a page at a time; without any it holds the columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = dict.fromkeys(_BOOLEANS, pa.bool_()) | dict.fromkeys(_NUMBERS, pa.float64())
    schema = pa.schema([(c.key, kinds.get(c.key, pa.string())) for c in _COLUMNS])
    remaining = iter(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while page := list(islice(remaining, _PAGE)):
            writer.write_table(pa.Table.from_pylist(page, schema=schema))


def _plain(row: Row) -> Row:
    moments = {name: row[name].isoformat() for name in ("captured_at", "decided_at")}
    return {**row, **moments, "kept_image": row["kept_image"] is not None}
