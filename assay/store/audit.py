"""The audit log: who did what, appended and chained, so that a change of the past shows.

Each entry's hash covers the one before it (as in RFC 6962's spirit, but a plain chain). Whoever can
rewrite the whole database can rewrite the chain too: note `AuditLog.head` somewhere else from time
to time, and `AuditLog.verify` tells whether the log still leads there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.store.columns import storable
from assay.store.database import Database
from assay.store.tables import AuditHeadRow, AuditRow

_START = "0" * 64
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry; ``details`` hold identifiers and numbers, nothing that may have to be deleted."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    hash: str


class AuditLog:
    """The log as a whole; other parts of the store append within their own transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, actor: str, action: str, subject: str, /, **details: Any) -> None:
        """Append one entry by itself."""
        with self._database.writing() as session:
            append(session, self._database.now(), actor, action, subject, **details)

    def entries(self, after: int = 0) -> Iterator[AuditEntry]:
        """All entries with a number above ``after``, oldest first."""
        while rows := self._page(after):
            yield from rows
            after = rows[-1].number

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry."""
        with self._database.reading() as session:
            row = session.get_one(AuditHeadRow, 1)
            return row.number, row.hash

    def verify(self) -> int | None:
        """The number of the first entry that does not follow from those before it; None if whole.

        One past the last entry where the end was cut off.
        """
        number, chained = 0, _START
        for entry in self.entries():
            number += 1
            chained = _hash(chained, entry)
            if (entry.number, entry.hash) != (number, chained):
                return number
        return None if self.head() == (number, chained) else number + 1

    def _page(self, after: int) -> list[AuditEntry]:
        query = sa.select(AuditRow).where(AuditRow.number > after).order_by(AuditRow.number)
        with self._database.reading() as session:
            return [
                AuditEntry(r.number, r.at, r.actor, r.action, r.subject, r.details, r.hash)
                for r in session.scalars(query.limit(_PAGE))
            ]


def append(
    session: Session, now: datetime, actor: str, action: str, subject: str, /, **details: Any
) -> None:
    """Append an entry within the caller's transaction; writers queue up on the head's row."""
    query = sa.select(AuditHeadRow).with_for_update().execution_options(populate_existing=True)
    head = session.scalars(query).one()
    actor, subject = storable(actor), storable(subject)  # hashed as they will be read
    entry = AuditEntry(head.number + 1, now, actor, action, subject, details, "")
    head.number, head.hash = entry.number, _hash(head.hash, entry)
    session.add(
        AuditRow(
            number=entry.number,
            at=now,
            actor=actor,
            action=action,
            subject=subject,
            details=details,
            hash=head.hash,
        )
    )


def _hash(previous: str, entry: AuditEntry) -> str:
    at = entry.at.isoformat(timespec="microseconds")
    fields = [previous, entry.number, at, entry.actor, entry.action, entry.subject, entry.details]
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
