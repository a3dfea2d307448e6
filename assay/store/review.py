"""The review queue: cases handed out one moderator each, most urgent first (`queue`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import NotStored, NotYourCase
from assay.store import audit, queue
from assay.store.capture import Capture
from assay.store.captures import as_capture, stored
from assay.store.database import Database
from assay.store.drainer import Drainer
from assay.store.feedback import DECIDED_BEFORE, Feedback, Vote, exclude
from assay.store.tables import CaptureRow, CaseRow, ExclusionRow, FeedbackRow, ReportRow

CONFLICT = "conflict"
"""Why a case is opened again that was given two labels; such a report has no text."""

_MEMBERS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Case:
    """One image for a moderator to decide, with the captures that show it."""

    id: str
    reason: str
    """needs_review, audit, report, appeal, feedback, undone or conflict."""
    is_audit: bool
    """Drawn at random: the verdict stays hidden until the vote."""
    captures: Sequence[Capture]
    """The newest of its pixel-equal captures, newest first."""
    size: int
    """All of its captures."""
    reach: int
    reports: int
    appeals: int
    opened_at: datetime
    held_until: datetime


class Review:
    """Claiming, releasing and deciding cases."""

    def __init__(
        self, database: Database, drainer: Drainer, feedback: Feedback, lease: float
    ) -> None:
        self._database, self._drainer, self._feedback = database, drainer, feedback
        self._lease = timedelta(seconds=lease)

    def claim(self, account: str) -> Case | None:
        """The most urgent case that nobody holds, for ``account`` alone until the lease ends.

        None when there is none for this account. Each call gives another case, so that the next
        one can be fetched ahead.
        """
        now = self._database.now()
        with self._database.writing() as session:
            row = session.scalar(_claimable(account, now))
            if row is None:
                return None
            row.holder, row.held_until = account, now + self._lease
            return _case(session, row)

    def take(self, case_id: str, account: str) -> Case:
        """One case, for ``account`` alone until a lease from now ends: held, let go or put back.

        Raises `NotStored`, and `NotYourCase` where it is decided, another's, or was skipped.
        """
        now = self._database.now()
        with self._database.writing() as session:
            case = _locked(session, case_id)
            is_taken = case.held_until is not None and case.held_until > now
            is_excluded = session.get(ExclusionRow, (case_id, account)) is not None
            if not case.is_open or is_excluded or (is_taken and case.holder != account):
                raise NotYourCase("somebody else has taken this case or decided it; go on")
            case.holder, case.held_until = account, now + self._lease
            return _case(session, case)

    def held(self, account: str) -> Sequence[Case]:
        """The cases that ``account`` holds now, the one claimed first at the front."""
        query = sa.select(CaseRow).where(
            CaseRow.is_open, CaseRow.holder == account, CaseRow.held_until > self._database.now()
        )
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(CaseRow.held_until, CaseRow.id))
            return [_case(session, row) for row in rows]

    def blind(self, account: str) -> frozenset[str]:
        """Pixel digests of audits that ``account`` has in hand, to judge without the verdict.

        A lease that has run out counts too, as its holder may still vote.
        """
        query = sa.select(CaseRow.pixel_digest).where(
            CaseRow.is_open, CaseRow.is_audit, CaseRow.holder == account
        )
        with self._database.reading() as session:
            return frozenset(digest for digest in session.scalars(query) if digest is not None)

    def release(self, case_id: str, account: str) -> None:
        """Give a case back to everybody; raises `NotYourCase`, `NotStored`."""
        with self._database.writing() as session:
            queue.release(_held(session, case_id, account))

    def skip(self, case_id: str, account: str) -> None:
        """Give a case back to everybody else; raises as `release`."""
        with self._database.writing() as session:
            case = _held(session, case_id, account)
            exclude(session, case, account, "skipped")
            queue.release(case)

    def decide(self, case_id: str, account: str, vote: Vote) -> int:
        """Decide a case that one holds; the number of the vote, to undo it by.

        A lease that has run out still counts while nobody else took the case. On an audit the
        vote is recorded as blind, whatever ``vote`` says. Raises as `release`.
        """
        with self._database.writing() as session:
            case = _held(session, case_id, account)
            newest = session.scalars(_members(case).limit(1)).one()
            vote = replace(vote, is_blind=vote.is_blind or case.is_audit)
            return self._feedback.add(session, case, newest, account, vote)

    def appeal(self, capture_id: str, client: str, note: str) -> None:
        """Have a case decided again, by somebody who has not decided it; raises `NotCaptured`.

        What was decided counts until then.
        """
        self._drainer.settle(capture_id)
        now = self._database.now()
        with self._database.writing() as session:
            capture = stored(session, capture_id)
            case = queue.case_of(session, capture, "appeal", now)
            case.appeals += 1
            case.weight = queue.weight(case)
            _exclude_voters(session, case)
            case.is_audit = False
            queue.reopen(case, "appeal", now)
            values = {"kind": "appeal", "client": client, "reason": "", "note": note}
            row = ReportRow(capture_id=capture_id, case_id=case.id, created_at=now, **values)
            session.add(row)
            audit.append(session, now, client, "appeal", capture_id)

    def dispute(self, capture_id: str, who: str, labels: Mapping[str, str]) -> bool:
        """Have a case decided again that was given two labels, by somebody who has not decided it.

        ``labels`` by who gave them go to the audit log. False where people have it before them
        already, or it was deleted.
        """
        now = self._database.now()
        with self._database.writing() as session:
            capture = session.get(CaptureRow, capture_id)
            if capture is None or capture.deleted_at is not None:
                return False
            case = queue.case_of(session, capture, CONFLICT, now)
            if case.is_open:
                return False
            _exclude_voters(session, case)
            case.is_audit = False
            queue.reopen(case, CONFLICT, now)
            values = {"kind": CONFLICT, "client": "", "reason": "", "note": ""}
            row = ReportRow(capture_id=capture_id, case_id=case.id, created_at=now, **values)
            session.add(row)
            audit.append(session, now, who, "label.conflict", capture_id, labels=dict(labels))
            return True

    def backlog(self) -> int:
        """Open cases, held ones included."""
        with self._database.reading() as session:
            return session.scalars(sa.select(sa.func.count()).where(CaseRow.is_open)).one()


def _claimable(account: str, now: datetime) -> sa.Select[tuple[CaseRow]]:
    """One case, locked; on PostgreSQL those that others are just claiming are passed over."""
    excluded = sa.exists().where(
        ExclusionRow.case_id == CaseRow.id, ExclusionRow.account == account
    )
    is_free = sa.or_(CaseRow.held_until.is_(None), CaseRow.held_until <= now)
    return (
        sa.select(CaseRow)
        .where(CaseRow.is_open, is_free, ~excluded)
        .order_by(queue.priority(now).desc(), CaseRow.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=CaseRow)
    )


def _locked(session: Session, case_id: str) -> CaseRow:
    case = session.get(CaseRow, case_id, with_for_update=True)
    if case is None:
        raise NotStored(f"no case {case_id[:64]!r}")
    return case


def _held(session: Session, case_id: str, account: str) -> CaseRow:
    case = _locked(session, case_id)
    if not case.is_open or case.holder != account:
        raise NotYourCase("the case is not held by you any more; claim the next one")
    return case


def _exclude_voters(session: Session, case: CaseRow) -> None:
    """Whoever voted may not decide the appeal; who had only skipped or been unsure, not either."""
    voters = sa.select(FeedbackRow.who).where(FeedbackRow.case_id == case.id).distinct()
    for who in session.scalars(voters).all():
        session.merge(ExclusionRow(case_id=case.id, account=who, why=DECIDED_BEFORE))


def _members(case: CaseRow) -> sa.Select[tuple[CaptureRow]]:
    query = sa.select(CaptureRow).where(CaptureRow.pixel_digest == case.pixel_digest)
    return query.order_by(CaptureRow.id.desc())


def _case(session: Session, row: CaseRow) -> Case:
    size = session.scalars(sa.select(sa.func.count()).select_from(_members(row).subquery())).one()
    captures = [as_capture(c) for c in session.scalars(_members(row).limit(_MEMBERS_SHOWN))]
    if row.held_until is None:
        raise ValueError(f"case {row.id} is held by nobody")
    return Case(
        row.id,
        row.reason,
        row.is_audit,
        captures,
        size,
        row.reach,
        row.reports,
        row.appeals,
        datetime.fromtimestamp(row.opened_at, UTC),
        row.held_until,
    )
