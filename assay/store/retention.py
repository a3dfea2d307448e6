"""Forgetting: captures by identifier or age, and what else has had its time.

A deleted capture leaves a row with what statistics and the audit log need (when, which label,
which model) and nothing that describes the image, the post or who sent it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import StorageError
from assay.store import audit, lineage, queue, sibling_links
from assay.store.account_tables import SessionRow, SignInLinkRow, WebhookRow
from assay.store.captures import stored
from assay.store.database import Database, insert_new
from assay.store.drainer import Drainer
from assay.store.image_files import ImageFiles
from assay.store.tables import (
    CaptureRow,
    CaseRow,
    FeedbackRow,
    IdempotencyRow,
    ImageRow,
    RemovalRow,
    ReportRow,
)

logger = logging.getLogger(__name__)

_PAGE = 100
_ANNOUNCED = timedelta(days=30)
"""For which a delivered announcement is kept, to be looked into."""
_BLANK: dict[str, Any] = {
    **dict.fromkeys(("client", "external_id", "caption", "post_url", "context", "rationale"), ""),
    **dict.fromkeys(("image_digest", "pixel_digest", "pdq"), ""),
    **dict.fromkeys(("kept_image", "answered_from", "stability")),
    "findings": [],
    "siblings": [],
    "known_images": [],
    "embedding": [],
    "provenance": {},
    "descriptors": {},
}


class Retention:
    """Deleting, by request or by age."""

    def __init__(
        self, database: Database, drainer: Drainer, images: ImageFiles, idempotency: float
    ) -> None:
        self._database, self._drainer, self._images = database, drainer, images
        self._idempotency = timedelta(seconds=idempotency)

    def delete(self, capture_id: str, who: str) -> None:
        """Redact one capture, and remove its image unless another capture holds the same.

        The audit log keeps that it was done, by whom. Raises `NotCaptured`.
        """
        self._drainer.settle(capture_id)
        with self._database.writing() as session:
            self._redact(session, [stored(session, capture_id)], who)
        self.remove_files()

    def delete_before(self, moment: datetime, who: str) -> int:
        """Redact all captures served before ``moment``; how many there were.

        A few at a time, so that nobody waits long for the database.
        """
        self._drainer.drain()
        old = CaptureRow.created_at < moment, CaptureRow.deleted_at.is_(None)
        query = sa.select(CaptureRow).where(*old).order_by(CaptureRow.id).limit(_PAGE)
        total = 0
        while True:
            with self._database.writing() as session:
                rows = session.scalars(query).all()
                self._redact(session, rows, who)
            self.remove_files()
            total += len(rows)
            if len(rows) < _PAGE:
                return total

    def tidy(self) -> None:
        """Drop what has run out: keys of requests, sessions, links, delivered announcements."""
        now = self._database.now()
        gone = {
            IdempotencyRow: IdempotencyRow.created_at < now - self._idempotency,
            SessionRow: SessionRow.expires_at < now,
            SignInLinkRow: SignInLinkRow.expires_at < now,
            WebhookRow: sa.and_(
                WebhookRow.state != "pending", WebhookRow.created_at < now - _ANNOUNCED
            ),
        }
        with self._database.writing() as session:
            for table, condition in gone.items():
                session.execute(sa.delete(table).where(condition))
        self.remove_files()

    def remove_files(self) -> None:
        """Remove image files that no row points at; what fails is tried again the next time."""
        with self._database.reading() as session:
            paths = session.scalars(sa.select(RemovalRow.path)).all()
        for path in paths:
            try:
                self._images.remove(path)
            except StorageError as error:
                logger.warning("will be removed later: %s", error)
                continue
            with self._database.writing() as session:
                session.execute(sa.delete(RemovalRow).where(RemovalRow.path == path))

    def _redact(self, session: Session, rows: Sequence[CaptureRow], who: str) -> None:
        now = self._database.now()
        marked: dict[str, list[str]] = {}
        for row in rows:
            _redact(session, row, now)
            marked[row.id] = lineage.mark(session, row.id, now, who)
        for row in rows:  # after all cases: whoever votes locks a case first, and then the log
            audit.append(session, now, who, "capture.delete", row.id)
            for model in marked[row.id]:
                audit.append(session, now, who, "model.mark", model, capture=row.id)


def _redact(session: Session, row: CaptureRow, now: datetime) -> None:
    kept, pixels, reach = row.kept_image, row.pixel_digest, row.reach
    for name, value in _BLANK.items():
        setattr(row, name, value)
    row.deleted_at = now
    for table in (FeedbackRow, ReportRow):
        session.execute(sa.update(table).where(table.capture_id == row.id).values(note=""))
    session.execute(sa.delete(IdempotencyRow).where(IdempotencyRow.capture_id == row.id))
    session.flush()
    sibling_links.unlink(session, row.id)
    lineage.forget(session, row.id)
    _leave_case(session, pixels, reach)
    if kept is not None:
        _let_go(session, kept, now)


def _leave_case(session: Session, pixel_digest: str, reach: int) -> None:
    """Take a capture out of its case; an empty one closes and forgets its pixels."""
    query = sa.select(CaseRow).where(CaseRow.pixel_digest == pixel_digest).with_for_update()
    case = session.scalar(query)
    if case is None:
        return
    members = sa.select(CaptureRow.id).where(CaptureRow.pixel_digest == pixel_digest).limit(1)
    if session.scalar(members) is None:
        case.is_open, case.pixel_digest = False, None
        queue.release(case)
    else:
        case.reach = max(0, case.reach - reach)
        case.weight = queue.weight(case)


def _let_go(session: Session, digest: str, now: datetime) -> None:
    """Give an image up if this was the last capture that held it.

    Locked first: a capture of the same image that is just being stored is either seen here, or
    finds the image gone and brings it again.
    """
    image = session.get(ImageRow, digest, with_for_update=True)
    holders = sa.select(CaptureRow.id).where(CaptureRow.kept_image == digest).limit(1)
    if image is None or session.scalar(holders) is not None:
        return
    insert_new(session, RemovalRow, {"path": image.path, "created_at": now})
    session.delete(image)
