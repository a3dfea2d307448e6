"""What end users report of an image that they were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import TooManyReports
from assay.store import queue
from assay.store.captures import stored
from assay.store.database import Database
from assay.store.drainer import Drainer
from assay.store.feedback import counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow, ReportRow

_WINDOW = timedelta(hours=1)


_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody outside said of an image: untrusted text."""

    kind: str
    """report (an end user's) or appeal (a platform's)."""
    reason: str
    note: str
    created_at: datetime


class Reports:
    """Reports raise a case in the queue, or bring one there."""

    def __init__(self, database: Database, drainer: Drainer, per_hour: int) -> None:
        self._database, self._drainer, self._per_hour = database, drainer, per_hour

    def add(self, capture_id: str, client: str, reason: str = "", note: str = "") -> None:
        """Count one report of ``capture_id`` by ``client`` (a digest of who it was will do).

        A case that people have decided stays decided: for that there is an appeal. Raises
        `NotCaptured`, and `TooManyReports` beyond the limit an hour.
        """
        self._drainer.settle(capture_id)
        now = self._database.now()
        with self._database.writing() as session:
            capture = stored(session, capture_id)
            case = queue.case_of(session, capture, "report", now)  # reports queue up on its lock
            self._refuse_flood(session, capture_id, client, now)
            case.reports += 1
            case.weight = queue.weight(case)
            if not _is_decided(session, case):
                queue.reopen(case, "report", now)
            session.add(
                ReportRow(
                    capture_id=capture_id,
                    case_id=case.id,
                    kind="report",
                    client=client,
                    created_at=now,
                    reason=reason,
                    note=note,
                )
            )

    def of_case(self, case_id: str) -> Sequence[Report]:
        """The newest reports and appeals of a case, newest first; who sent them stays out."""
        query = (
            sa.select(ReportRow)
            .join(CaptureRow, CaptureRow.id == ReportRow.capture_id)
            .join(CaseRow, CaseRow.pixel_digest == CaptureRow.pixel_digest)
            .where(CaseRow.id == case_id)
            .order_by(ReportRow.id.desc())
            .limit(_SHOWN)
        )
        with self._database.reading() as session:
            rows = session.scalars(query)
            return [Report(row.kind, row.reason, row.note, row.created_at) for row in rows]

    def _refuse_flood(self, session: Session, capture_id: str, client: str, now: datetime) -> None:
        recent = sa.select(sa.func.count()).where(
            ReportRow.capture_id == capture_id,
            ReportRow.client == client,
            ReportRow.kind == "report",
            ReportRow.created_at > now - _WINDOW,
        )
        if session.scalars(recent).one() >= self._per_hour:
            raise TooManyReports(
                f"this client has reported the image {self._per_hour} times within an hour; "
                "it is known"
            )


def _is_decided(session: Session, case: CaseRow) -> bool:
    query = sa.select(FeedbackRow.id).where(FeedbackRow.case_id == case.id, counts()).limit(1)
    return session.scalar(query) is not None
