"""What was served and what people decided of it, side by side, filtered and page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from assay.store import audit
from assay.store.capture import Capture, Notice
from assay.store.captures import CaptureFilter, as_capture, conditions
from assay.store.database import Database
from assay.store.feedback import Decision, HumanLabel, as_decision, counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow

_PAGE = 500


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which captures the history shows; None and empty leave all."""

    captures: CaptureFilter = field(default_factory=CaptureFilter)
    is_decided: bool | None = None
    human: HumanLabel | None = None
    """What people decided."""
    notice: Notice | None = None
    """The automatic one."""
    text: str = ""
    """Part of a caption or the beginning of an external identifier, in any case."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A capture, and the human decision that counts for it."""

    capture: Capture
    decision: Decision | None


class History:
    """The listing of the console; what is still in the spool comes moments later."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, chosen: HistoryFilter, *, before: str = "", after: str = "", limit: int = 50
    ) -> Sequence[HistoryRow]:
        """Up to ``limit`` rows, newest first: before ``before``, or next after ``after``."""
        query, order = _selected(chosen), CaptureRow.id.desc()
        if before:
            query = query.where(CaptureRow.id < before)
        if after:
            query, order = query.where(CaptureRow.id > after), CaptureRow.id.asc()
        with self._database.reading() as session:
            found = session.execute(query.order_by(order).limit(limit)).tuples().all()
            rows = [
                # An outer join, which types do not tell.
                HistoryRow(as_capture(row), as_decision(vote) if vote else None)
                for row, vote in found
            ]
        return rows[::-1] if after else rows

    def count(self, chosen: HistoryFilter, most: int) -> int:
        """How many rows there are, counted up to ``most``: a large table takes long to count."""
        ids = _selected(chosen).with_only_columns(CaptureRow.id).limit(most).subquery()
        with self._database.reading() as session:
            return session.scalars(sa.select(sa.func.count()).select_from(ids)).one()

    def rows(self, chosen: HistoryFilter, who: str) -> Iterator[HistoryRow]:
        """All rows, newest first, read in pages; noted in the audit log as ``who``'s export."""
        with self._database.writing() as session:
            audit.append(session, self._database.now(), who, "history.export", "")
        before = ""
        while page := self.page(chosen, before=before, limit=_PAGE):
            yield from page
            before = page[-1].capture.id


def _selected(chosen: HistoryFilter) -> sa.Select[tuple[CaptureRow, FeedbackRow]]:
    newest = sa.select(sa.func.max(FeedbackRow.id)).where(
        FeedbackRow.case_id == CaseRow.id, counts()
    )
    query = (
        sa.select(CaptureRow, FeedbackRow)
        .outerjoin(CaseRow, CaseRow.pixel_digest == CaptureRow.pixel_digest)
        .outerjoin(FeedbackRow, FeedbackRow.id == newest.correlate(CaseRow).scalar_subquery())
        .where(*conditions(chosen.captures))
    )
    if chosen.is_decided is not None:
        has_vote = FeedbackRow.id.is_not(None)
        query = query.where(has_vote if chosen.is_decided else ~has_vote)
    if chosen.human is not None:
        query = query.where(FeedbackRow.label == chosen.human.value)
    if chosen.notice is not None:
        query = query.where(CaptureRow.notice == chosen.notice.value)
    if chosen.text:
        caption = CaptureRow.caption.icontains(chosen.text, autoescape=True)
        named = CaptureRow.external_id.istartswith(chosen.text, autoescape=True)
        query = query.where(caption | named)
    return query
