"""The record of the loop: its turns, how far each has come, and who is at it.

A turn is under way in one process at most. Whoever is killed leaves it open with the stages that
are done; the next to ask takes it over and goes on from there. A process of this machine is asked
whether it lives, one of another machine is believed for a while after its last sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay import processes
from assay.errors import NotStored, StorageError
from assay.store import audit
from assay.store.account_tables import DeploymentRow
from assay.store.database import Database, insert_new
from assay.store.ids import new_id
from assay.store.loop_run import LoopRun, LoopStage, LoopState, StageResult
from assay.store.loop_tables import LoopRow, LoopStageRow

__all__ = ["LEASE", "LoopRun", "LoopStage", "LoopState", "Loops", "StageResult"]

LEASE = timedelta(minutes=5)
"""For which a process of another machine is believed to live after its last sign."""
_LOCK = "loop"
_TELL_WITHIN = timedelta(days=2)
"""After which the end of a turn is no news."""
_RECENT = 50
"""Challengers among which the newest that was promoted is looked for."""


class Loops:
    """Turns of the loop as rows; what begins, ends or takes one over stands in the audit log."""

    def __init__(self, database: Database) -> None:
        self._database, self.now = database, database.now

    def claim(self, who: str, max_age: timedelta) -> LoopRun:
        """The turn that was interrupted, to go on with, else a new one.

        One that began longer than ``max_age`` ago is closed instead. Raises `StorageError` while
        another process is at it.
        """
        now = self._database.now()
        with self._database.writing() as session:
            left = _open(session)
            if left is not None and not _is_left(left, now):
                raise StorageError(_under_way(left))
            if left is not None and now - left.started_at <= max_age:
                return self._taken_over(session, left, who)
            if left is not None:
                since = f"interrupted, and decided from what was seen until {left.started_at:%F}"
                self._close(session, left, LoopState.ABANDONED, (since,))
                session.flush()  # the lock is free before the next turn takes it
            return self._begun(session, who)

    def keep(self, run_id: str) -> None:
        """Show that this process is still at it; raises as `begin`."""
        with self._database.writing() as session:
            _held(session, run_id).held_until = self._database.now() + LEASE

    def release(self, run_id: str) -> None:
        """Leave it to whoever asks next, at once; raises as `begin`."""
        with self._database.writing() as session:
            row = _held(session, run_id)
            row.held_until, row.process = self._database.now(), ""

    def begin(self, run_id: str, stage: str) -> LoopRun:
        """Note that ``stage`` is started, once more where it was before.

        Raises `NotStored`, and `StorageError` for a turn that ended or that another process has
        taken over.
        """
        now = self._database.now()
        with self._database.writing() as session:
            row = _held(session, run_id)
            row.held_until = now + LEASE
            begun = session.get(LoopStageRow, (run_id, stage))
            if begun is None:
                begun = _stage_row(run_id, stage, len(_stages(session, run_id)), now)
                session.add(begun)
            begun.attempts += 1
            session.flush()
            return _run(session, row)

    def finish(self, run_id: str, stage: str, result: StageResult) -> LoopRun:
        """Note what ``stage`` came to, and the end of the turn where it ends it; as `begin`."""
        now = self._database.now()
        with self._database.writing() as session:
            row = _held(session, run_id)
            row.held_until = now + LEASE
            done = session.get_one(LoopStageRow, (run_id, stage))
            done.summary, done.facts, done.ended_at = result.summary, dict(result.facts), now
            if result.ends is not None:
                self._close(session, row, result.ends, (result.summary,))
            session.flush()
            return _run(session, row)

    def end(self, run_id: str, state: LoopState, *reasons: str) -> LoopRun:
        """It is over, for ``reasons``; raises as `begin`."""
        with self._database.writing() as session:
            row = _held(session, run_id)
            self._close(session, row, state, reasons)
            return _run(session, row)

    def told(self, run_id: str) -> None:
        """Note that people know of its end."""
        with self._database.writing() as session:
            session.get_one(LoopRow, run_id).told_at = self._database.now()

    def untold(self) -> Sequence[LoopRun]:
        """Turns whose end is news that nobody was told, oldest first."""
        query = sa.select(LoopRow).where(LoopRow.told_at.is_(None), LoopRow.lock.is_(None))
        query = query.where(LoopRow.ended_at > self._database.now() - _TELL_WITHIN)
        query = query.where(LoopRow.state != LoopState.CALM.value).order_by(LoopRow.id)
        with self._database.reading() as session:
            return [_run(session, row) for row in session.scalars(query)]

    def get(self, run_id: str) -> LoopRun:
        """A turn by its identifier or the beginning of it; raises `NotStored`."""
        begins = LoopRow.id.startswith(run_id, autoescape=True)
        with self._database.reading() as session:
            found = session.scalars(sa.select(LoopRow).where(begins).limit(2)).all()
            if len(found) != 1 or not run_id:
                lacking = "more than one turn begins with" if found else "no turn of the loop"
                raise NotStored(f"{lacking} {run_id[:64]!r}; `loop list` names them")
            return _run(session, found[0])

    def history(self, limit: int = 20) -> Sequence[LoopRun]:
        """Up to ``limit`` turns, newest first."""
        query = sa.select(LoopRow).order_by(LoopRow.id.desc()).limit(limit)
        with self._database.reading() as session:
            return [_run(session, row) for row in session.scalars(query)]

    def learned_at(self) -> datetime | None:
        """When a model last was deployed for the first time or promoted by the loop, if ever."""
        deployed = sa.select(sa.func.max(DeploymentRow.activated_at))
        deployed = deployed.where(DeploymentRow.action == "deploy")
        learned = sa.select(LoopStageRow).where(LoopStageRow.name == "learn")
        newest = learned.where(LoopStageRow.ended_at.is_not(None))
        newest = newest.order_by(LoopStageRow.ended_at.desc()).limit(_RECENT)
        with self._database.reading() as session:
            promoted = [one.ended_at for one in session.scalars(newest) if one.facts["promoted"]]
            known = (session.scalar(deployed), *promoted[:1])
        return max((moment for moment in known if moment is not None), default=None)

    def _begun(self, session: Session, who: str) -> LoopRun:
        now = self._database.now()
        values = {
            "id": new_id(),
            "lock": _LOCK,
            "state": LoopState.RUNNING.value,
            "who": who,
            "process": processes.identity(),
            "held_until": now + LEASE,
            "reasons": [],
            "started_at": now,
            "ended_at": None,
            "told_at": None,
        }
        if not insert_new(session, LoopRow, values, key="lock"):
            raise StorageError("another loop has begun in this very moment; wait for it")
        row = session.get_one(LoopRow, values["id"])
        audit.append(session, now, who, "loop.started", row.id)
        return _run(session, row)

    def _taken_over(self, session: Session, row: LoopRow, who: str) -> LoopRun:
        now = self._database.now()
        row.who, row.process, row.held_until = who, processes.identity(), now + LEASE
        audit.append(session, now, who, "loop.resumed", row.id)
        return _run(session, row)

    def _close(
        self, session: Session, row: LoopRow, state: LoopState, reasons: Sequence[str]
    ) -> None:
        now = self._database.now()
        row.state, row.lock, row.ended_at = state.value, None, now
        row.reasons = list(reasons)
        audit.append(session, now, row.who, f"loop.{state}", row.id)


def _open(session: Session) -> LoopRow | None:
    return session.scalar(sa.select(LoopRow).where(LoopRow.lock == _LOCK).with_for_update())


def _is_left(row: LoopRow, now: datetime) -> bool:
    """Whether nobody is at it any more."""
    if not row.process or processes.is_dead(row.process):
        return True
    return row.held_until <= now and not processes.is_here(row.process)


def _under_way(row: LoopRow) -> str:
    since = f"{row.started_at:%F %H:%M} UTC ({row.id})"
    return f"{row.who or 'somebody'} has been running the loop since {since}; wait for its end"


def _held(session: Session, run_id: str) -> LoopRow:
    row = session.get(LoopRow, run_id, with_for_update=True)
    if row is None:
        raise NotStored(f"no turn of the loop {run_id[:64]!r}")
    if row.lock is None:
        raise StorageError(f"the loop {row.id} is {row.state} by now; start another")
    if row.process != processes.identity():
        raise StorageError(f"the loop {row.id} was taken over by {row.who}; leave it to them")
    return row


def _stage_row(run_id: str, name: str, position: int, now: datetime) -> LoopStageRow:
    return LoopStageRow(
        loop_id=run_id,
        name=name,
        position=position,
        attempts=0,
        summary="",
        facts={},
        began_at=now,
        ended_at=None,
    )


def _stages(session: Session, run_id: str) -> Sequence[LoopStageRow]:
    query = sa.select(LoopStageRow).where(LoopStageRow.loop_id == run_id)
    return session.scalars(query.order_by(LoopStageRow.position)).all()


def _run(session: Session, row: LoopRow) -> LoopRun:
    stages = tuple(
        LoopStage(one.name, one.attempts, one.summary, one.facts, one.began_at, one.ended_at)
        for one in _stages(session, row.id)
    )
    state, reasons = LoopState(row.state), tuple(row.reasons)
    return LoopRun(row.id, state, row.who, reasons, stages, row.started_at, row.ended_at)
