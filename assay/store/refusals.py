"""Images that got no answer, counted by day, client and reason: nothing else is kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from assay.store.database import Database, insert_new
from assay.store.tables import RefusalRow

_INSTANT = timedelta(microseconds=1)
"""What two moments differ by at least."""


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """Why a client's images were refused on one day, UTC."""

    day: date
    client: str
    code: str
    """The kind of error, as clients are told it."""


class Refusals:
    """How many images were refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counts: Mapping[Refusal, int]) -> None:
        """Add to what is counted already, all of it or nothing; several processes may at once.

        Raises `StoreUnavailable`.
        """
        with self._database.writing() as session:
            for refusal in sorted(counts):  # in one order, so that no two processes wait in a ring
                key = {"day": refusal.day, "client": refusal.client, "code": refusal.code}
                insert_new(session, RefusalRow, {**key, "count": 0})
                same = (getattr(RefusalRow, name) == value for name, value in key.items())
                more = RefusalRow.count + counts[refusal]
                session.execute(sa.update(RefusalRow).where(*same).values(count=more))

    def between(self, since: datetime, until: datetime) -> Sequence[tuple[Refusal, int]]:
        """Refusals with their counts, by day, client and code, of all days that the span touches.

        ``since`` counts into the span, ``until`` does not.
        """
        first, last = (moment.astimezone(UTC) for moment in (since, until - _INSTANT))
        days = RefusalRow.day.between(first.date(), last.date())
        key = RefusalRow.day, RefusalRow.client, RefusalRow.code
        query = sa.select(RefusalRow).where(days)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(*key))
            return [(Refusal(row.day, row.client, row.code), row.count) for row in rows]
