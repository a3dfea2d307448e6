"""What people decided, as rows to learn from and to estimate with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from assay import exports
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


def as_parquet(rows: Iterable[Row]) -> Iterator[bytes]:
    """A Parquet file, a page of ``rows`` at a time; without any it holds the columns."""
    columns = [column.key for column in _COLUMNS]
    return exports.as_parquet(rows, columns, numbers=_NUMBERS, booleans=_BOOLEANS)


def _plain(row: Row) -> Row:
    moments = {name: row[name].isoformat() for name in ("captured_at", "decided_at")}
    return {**row, **moments, "kept_image": row["kept_image"] is not None}
