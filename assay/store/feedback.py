"""What people decided, as a history that only grows; the decision that counts is derived.

The decision of an image is the newest vote on any of its pixel-equal captures that was not undone
and says more than "unsure". Undoing is a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from assay.errors import NotStored, NotYourCase
from assay.store import audit, outbox, queue
from assay.store.captures import stored
from assay.store.database import Database, insert_new
from assay.store.drainer import Drainer
from assay.store.tables import CaptureRow, CaseRow, ExclusionRow, FeedbackRow

DECIDED_BEFORE = "decided before it was opened again"


class HumanLabel(StrEnum):
    """What a person says of an image."""

    AUTHENTIC = "authentic"
    MANIPULATED = "manipulated"
    SYNTHESIZED = "synthesized"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Vote:
    """A person's judgement of one image, and what is to be done about it."""

    label: HumanLabel
    action: str = ""
    """What the platform is asked to do: allow, label, limit, remove, escalate, as configured."""
    reason_code: str = ""
    note: str = ""
    seconds: float | None = None
    """From seeing the case to the vote."""
    is_blind: bool = False
    """Whether the verdict was hidden until the vote."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the history; without a label it undoes the row `undoes`."""

    id: int
    capture_id: str
    who: str
    created_at: datetime
    label: HumanLabel | None
    action: str
    reason_code: str
    note: str
    is_blind: bool
    undoes: int | None


class Feedback:
    """Votes on captures: given, undone, and what they come to."""

    def __init__(self, database: Database, drainer: Drainer, webhook_url: str) -> None:
        self._database, self._drainer = database, drainer
        self._webhook_url = webhook_url

    def record(self, capture_id: str, who: str, vote: Vote) -> int:
        """Add a vote from outside the queue; the number of its row.

        Raises `NotCaptured`, and `NotYourCase` where an appeal wants somebody else to decide.
        """
        self._drainer.settle(capture_id)
        now = self._database.now()
        with self._database.writing() as session:
            capture = stored(session, capture_id)
            case = queue.case_of(session, capture, "feedback", now)
            return self.add(session, case, capture, who, vote)

    def add(
        self, session: Session, case: CaseRow, capture: CaptureRow, who: str, vote: Vote
    ) -> int:
        """Add a vote within the caller's transaction, which holds ``case`` locked.

        "Unsure" leaves the case open for somebody else. Raises `NotYourCase` as `record`.
        """
        _refuse_second_look(session, case, who)
        now = self._database.now()
        row = _row(case, capture, who, vote, now)
        session.add(row)
        session.flush()
        details = {"feedback": row.id, "label": vote.label.value, "action": vote.action}
        audit.append(session, now, who, "decide", capture.id, **details)
        if vote.label is HumanLabel.UNSURE:
            exclude(session, case, who, "unsure")
            queue.release(case)
        else:
            case.is_open = False
            queue.release(case)
            self._announce(session, case, row)
        return row.id

    def undo(self, feedback_id: int, who: str) -> str:
        """Take back one's own vote, by a row that says so; its case, open again and held by none.

        An earlier vote, if there is one, counts meanwhile. A case that was voted on blindly is no
        audit any more, as its voter has been told what the model says. Raises `NotStored` where
        there is no such vote or it was undone before, `NotYourCase` where it is another's.
        """
        with self._database.writing() as session:
            vote = _undoable(session, feedback_id, who)
            case = session.get_one(CaseRow, vote.case_id, with_for_update=True)
            if case.pixel_digest is None:
                raise NotStored(f"what vote {feedback_id} was about has been deleted")
            now = self._database.now()
            row = FeedbackRow(
                case_id=vote.case_id,
                capture_id=vote.capture_id,
                who=who,
                created_at=now,
                label=None,
                action="",
                reason_code="",
                note="",
                seconds=None,
                is_blind=False,
                undoes=vote.id,
            )
            session.add(row)
            session.flush()
            audit.append(session, now, who, "undo", vote.capture_id, feedback=vote.id)
            own = ExclusionRow.account == who, ExclusionRow.why == "unsure"
            session.execute(sa.delete(ExclusionRow).where(ExclusionRow.case_id == case.id, *own))
            case.is_audit = case.is_audit and not vote.is_blind
            queue.reopen(case, "undone", now)
            self._announce(session, case, row)
            return case.id

    def get(self, feedback_id: int) -> Decision:
        """One row of the history; raises `NotStored`."""
        with self._database.reading() as session:
            row = session.get(FeedbackRow, feedback_id)
            if row is None:
                raise NotStored(f"no vote {feedback_id}")
            return as_decision(row)

    def history(self, capture_id: str) -> Sequence[Decision]:
        """All rows about this capture and its pixel-equal ones, oldest first."""
        with self._database.reading() as session:
            rows = session.scalars(_about(capture_id).order_by(FeedbackRow.id))
            return [as_decision(row) for row in rows]

    def decision(self, capture_id: str) -> Decision | None:
        """The human decision that counts for this capture, None if there is none (yet)."""
        with self._database.reading() as session:
            query = _about(capture_id).where(counts()).order_by(FeedbackRow.id.desc()).limit(1)
            row = session.scalar(query)
            return None if row is None else as_decision(row)

    def decision_on(self, pixel_digest: str) -> Decision | None:
        """The human decision on an image, also for a capture that is still in the spool."""
        with self._database.reading() as session:
            row = session.scalar(_ON_PIXELS, {"pixels": pixel_digest})
            return None if row is None else as_decision(row)

    def _announce(self, session: Session, case: CaseRow, row: FeedbackRow) -> None:
        if not self._webhook_url:
            return
        event = "undone" if row.label is None else "decided"
        members = sa.select(CaptureRow.id, CaptureRow.external_id)
        members = members.where(CaptureRow.pixel_digest == case.pixel_digest)
        payload: dict[str, Any] = {
            "feedback": row.id,
            "label": row.label,
            "action": row.action,
            "reason_code": row.reason_code,
            "captures": [dict(member) for member in session.execute(members).mappings()],
        }
        outbox.add(session, self._webhook_url, event, payload, row.created_at)


def counts() -> sa.ColumnElement[bool]:
    """Whether a row of the feedback is a vote that was not undone and says what the image is."""
    undoing = aliased(FeedbackRow)
    return sa.and_(
        FeedbackRow.label.is_not(None),
        FeedbackRow.label != HumanLabel.UNSURE.value,
        ~sa.exists().where(undoing.undoes == FeedbackRow.id),
    )


_ON_PIXELS = (
    sa.select(FeedbackRow)
    .join(CaseRow, CaseRow.id == FeedbackRow.case_id)
    .where(CaseRow.pixel_digest == sa.bindparam("pixels"), counts())
    .order_by(FeedbackRow.id.desc())
    .limit(1)
)
"""Written once: every answer asks it, and writing it takes longer than running it."""


def exclude(session: Session, case: CaseRow, account: str, why: str) -> None:
    """Do not hand ``case`` to this account again."""
    insert_new(session, ExclusionRow, {"case_id": case.id, "account": account, "why": why})


def _refuse_second_look(session: Session, case: CaseRow, who: str) -> None:
    excluded = session.get(ExclusionRow, (case.id, who))
    if case.is_open and excluded is not None and excluded.why == DECIDED_BEFORE:
        raise NotYourCase(
            "you decided this case before it was opened again; another moderator has to"
        )


def _undoable(session: Session, feedback_id: int, who: str) -> FeedbackRow:
    row = session.get(FeedbackRow, feedback_id, with_for_update=True)
    undone = session.scalar(sa.select(FeedbackRow.id).where(FeedbackRow.undoes == feedback_id))
    if row is None or row.label is None or undone is not None:
        raise NotStored(f"no vote {feedback_id} that can be undone")
    if row.who != who:
        raise NotYourCase(f"vote {feedback_id} is somebody else's, and theirs to undo")
    return row


def _about(capture_id: str) -> sa.Select[tuple[FeedbackRow]]:
    pixels = sa.select(CaptureRow.pixel_digest).where(CaptureRow.id == capture_id)
    case = sa.select(CaseRow.id).where(CaseRow.pixel_digest == pixels.scalar_subquery())
    return sa.select(FeedbackRow).where(FeedbackRow.case_id == case.scalar_subquery())


def _row(case: CaseRow, capture: CaptureRow, who: str, vote: Vote, now: datetime) -> FeedbackRow:
    return FeedbackRow(
        case_id=case.id,
        capture_id=capture.id,
        who=who,
        created_at=now,
        label=vote.label.value,
        action=vote.action,
        reason_code=vote.reason_code,
        note=vote.note,
        seconds=vote.seconds,
        is_blind=vote.is_blind,
        undoes=None,
    )


def as_decision(row: FeedbackRow) -> Decision:
    """The decision that a row holds."""
    return Decision(
        row.id,
        row.capture_id,
        row.who,
        row.created_at,
        None if row.label is None else HumanLabel(row.label),
        row.action,
        row.reason_code,
        row.note,
        row.is_blind,
        row.undoes,
    )
