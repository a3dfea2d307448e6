"""From whom a verdict is hidden: audits measure agreement only while voters do not know it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from assay.store.capture import Capture
from assay.store.database import Database
from assay.store.tables import CaseRow, FeedbackRow


class Audits:
    """Captures that people judge without seeing the verdict."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hidden_from(self, who: str, captures: Sequence[Capture]) -> Collection[str]:
        """Those of ``captures``, by identifier, whose verdict ``who`` may yet have to vote on.

        That is while the case of an audit is open and ``who`` has not voted on it; also before the
        case is made, moments after the capture was served.
        """
        states = self._states(who, [one.pixel_digest for one in captures])
        return {one.id for one in captures if states.get(one.pixel_digest, one.is_audit)}

    def _states(self, who: str, digests: Collection[str]) -> dict[str, bool]:
        """Whether the verdict is hidden, by pixel digest, where there is a case."""
        voted = sa.exists().where(FeedbackRow.case_id == CaseRow.id, FeedbackRow.who == who)
        is_hidden = sa.and_(CaseRow.is_open, CaseRow.is_audit, ~voted)
        query = sa.select(CaseRow.pixel_digest, is_hidden).where(CaseRow.pixel_digest.in_(digests))
        with self._database.reading() as session:
            return {digest: bool(state) for digest, state in session.execute(query) if digest}
