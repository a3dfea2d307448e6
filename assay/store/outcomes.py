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

    def since(self, moment: datetime, *, with_labels: bool = True) -> Sequence[Outcome]:
        """One row for each kind of outcome that the captures since ``moment`` had.

        Without labels and reports, which take longer to count, these are 0.
        """
        with self._database.reading() as session:
            labels, reports = [
                {_kind(row): row[3:] for row in session.execute(query)} if with_labels else {}
                for query in (_labels(moment), _reports(moment))
            ]
            return [
                _outcome(row, labels.get(_kind(row), (0, 0)), reports.get(_kind(row), (0,)))
                for row in session.execute(_served(moment))
            ]


def _kind(row: sa.Row[Any]) -> tuple[bool, bool, bool]:
    return bool(row[0]), bool(row[1]), bool(row[2])


def _outcome(served: sa.Row[Any], labels: Sequence[Any], reports: Sequence[Any]) -> Outcome:
    labelled, positive = labels
    counted = (served[3], served[4], labelled, positive, reports[0])
    return Outcome(*_kind(served), *map(int, counted))


_KIND = (
    CaptureRow.needs_review,
    CaptureRow.notice != Notice.NONE.value,
    CaptureRow.label != Label.AUTHENTIC.value,
)
_IS_SELECTED = CaptureRow.selection_reason != Selection.NONE.value
_IS_POSITIVE = FeedbackRow.label != Label.AUTHENTIC.value


def _served(moment: datetime) -> sa.Select[Any]:
    """By kind: captures, and those put before people."""
    query = sa.select(*_KIND, sa.func.count(), _number(_IS_SELECTED))
    return query.where(CaptureRow.created_at >= moment).group_by(*_KIND)


def _labels(moment: datetime) -> sa.Select[Any]:
    """By kind: of those put before people the decided ones, and which of these are edits."""
    query = sa.select(*_KIND, sa.func.count(), _number(_IS_POSITIVE)).select_from(FeedbackRow)
    query = query.join(CaseRow, CaseRow.id == FeedbackRow.case_id)
    query = query.join(CaptureRow, CaptureRow.pixel_digest == CaseRow.pixel_digest)
    query = query.where(FeedbackRow.id.in_(_newest()), CaptureRow.created_at >= moment)
    return query.where(_IS_SELECTED).group_by(*_KIND)


def _reports(moment: datetime) -> sa.Select[Any]:
    """By kind: users' reports of edits."""
    query = sa.select(*_KIND, sa.func.count()).select_from(ReportRow)
    query = query.join(CaptureRow, CaptureRow.id == ReportRow.capture_id)
    query = query.join(FeedbackRow, FeedbackRow.case_id == ReportRow.case_id)
    query = query.where(FeedbackRow.id.in_(_newest()), _IS_POSITIVE, ReportRow.kind == "report")
    return query.where(CaptureRow.created_at >= moment).group_by(*_KIND)


def _newest() -> sa.Select[tuple[int]]:
    """The decisions that count, one a case."""
    return sa.select(sa.func.max(FeedbackRow.id)).where(counts()).group_by(FeedbackRow.case_id)


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
