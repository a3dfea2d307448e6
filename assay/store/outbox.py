"""Announcements to platforms: written with what they announce, delivered until received.

Signing and sending are the service's; here is what is due, and when it is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import NotStored
from assay.store.account_tables import WebhookRow
from assay.store.database import Database
from assay.store.ids import new_id

_PENDING, _SENT, _GIVEN_UP = "pending", "sent", "given_up"
_SENDING = timedelta(minutes=1)
"""For which a delivery belongs to the one who took it up."""
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event for one address; the identifier is the same at each attempt."""

    id: str
    event: str
    url: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


class Outbox:
    """What is due, and what became of it."""

    def __init__(self, database: Database, max_attempts: int) -> None:
        self._database, self._max_attempts = database, max_attempts

    def take(self, limit: int = 20) -> Sequence[Announcement]:
        """Announcements that are due, oldest first, for the caller to deliver within a minute."""
        now = self._database.now()
        query = (
            sa.select(WebhookRow)
            .where(WebhookRow.state == _PENDING, WebhookRow.due_at <= now)
            .order_by(WebhookRow.due_at, WebhookRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as session:
            rows = session.scalars(query).all()
            for row in rows:
                row.due_at = now + _SENDING
            return [
                Announcement(r.id, r.event, r.url, r.payload, r.attempts, r.created_at)
                for r in rows
            ]

    def sent(self, announcement_id: str) -> None:
        """Note that the platform has received it; raises `NotStored` for an unknown one."""
        with self._database.writing() as session:
            row = _row(session, announcement_id)
            row.state, row.attempts, row.error = _SENT, row.attempts + 1, ""

    def failed(self, announcement_id: str, error: str) -> None:
        """Note a failed attempt; the next waits twice as long, until it is given up.

        Raises `NotStored` for an unknown one.
        """
        with self._database.writing() as session:
            row = _row(session, announcement_id)
            pause = min(_FIRST_PAUSE * 2.0**row.attempts, _LONGEST_PAUSE)
            row.attempts, row.error = row.attempts + 1, error
            row.due_at = self._database.now() + timedelta(seconds=pause)
            if row.attempts >= self._max_attempts:
                row.state = _GIVEN_UP

    def backlog(self) -> int:
        """Announcements that are still to be delivered."""
        query = sa.select(sa.func.count()).where(WebhookRow.state == _PENDING)
        with self._database.reading() as session:
            return session.scalars(query).one()


def add(session: Session, url: str, event: str, payload: dict[str, Any], now: datetime) -> None:
    """Add an announcement within the transaction of what it announces."""
    session.add(
        WebhookRow(
            id=new_id(),
            event=event,
            url=url,
            payload=payload,
            state=_PENDING,
            attempts=0,
            due_at=now,
            created_at=now,
            error="",
        )
    )


def _row(session: Session, announcement_id: str) -> WebhookRow:
    row = session.get(WebhookRow, announcement_id, with_for_update=True)
    if row is None:
        raise NotStored(f"no announcement {announcement_id!r}")
    return row
