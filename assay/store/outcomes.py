"""What became of what was served, counted by what users and people got to see of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.records import Label
from assay.store.capture import Notice, Selection
from assay.store.database import Database
from assay.store.feedback import counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow, ReportRow


@dataclass(frozen=True, slots=True)
class Outcome:
    """The captures that were answered and shown alike."""

    needs_review: bool
    is_told: bool
    """Whether users were told at once, by an automatic notice."""
    is_flagged: bool
    """Whether the verdict was another than authentic."""
    captures: int
    selected: int
    """Put before people: for their score, or drawn at random."""
    labelled: int
    """Of these, decided so far."""
    positive: int
    """Of these, not authentic, people say."""
    reports: int
    """By users, of captures that people say are not authentic, whatever brought them there."""


class Outcomes:
    """Counts of captures, of labels that came by design, and of reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, moment: datetime) -> Sequence[Outcome]:
        """One row for each kind of outcome that the captures since ``moment`` had."""
        with self._database.reading() as session:
            rows = session.execute(_counted(moment))
            return [Outcome(*map(bool, row[:3]), *map(int, row[3:])) for row in rows]


def _counted(moment: datetime) -> sa.Select[Any]:
    decided, reported = _decided(), _reported()
    kind = (
        CaptureRow.needs_review,
        CaptureRow.notice != Notice.NONE.value,
        CaptureRow.label != Label.AUTHENTIC.value,
    )
    is_selected = CaptureRow.selection_reason != Selection.NONE.value
    is_positive = decided.c.label != Label.AUTHENTIC.value
    reports = sa.case((is_positive, sa.func.coalesce(reported.c.reports, 0)), else_=0)
    return (
        sa.select(
            *kind,
            sa.func.count(),
            _number(is_selected),
            _number(is_selected & decided.c.label.is_not(None)),
            _number(is_selected & is_positive),
            sa.func.sum(reports),
        )
        .select_from(CaptureRow)
        .outerjoin(CaseRow, CaseRow.pixel_digest == CaptureRow.pixel_digest)
        .outerjoin(decided, decided.c.case_id == CaseRow.id)
        .outerjoin(reported, reported.c.capture_id == CaptureRow.id)
        .where(CaptureRow.created_at >= moment)
        .group_by(*kind)
    )


def _decided() -> sa.Subquery:
    """The decision that counts, by case."""
    newest = sa.select(sa.func.max(FeedbackRow.id)).where(counts()).group_by(FeedbackRow.case_id)
    query = sa.select(FeedbackRow.case_id, FeedbackRow.label).where(FeedbackRow.id.in_(newest))
    return query.subquery()


def _reported() -> sa.Subquery:
    """How often users have reported it, by capture."""
    query = sa.select(ReportRow.capture_id, sa.func.count().label("reports"))
    return query.where(ReportRow.kind == "report").group_by(ReportRow.capture_id).subquery()


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
