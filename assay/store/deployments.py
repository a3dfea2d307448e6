"""The record of deployments: what was to answer where, who wanted it, and what came of it.

    started -> proven -> rolling_out -> active -> superseded | rolled_back
    and from each of the first three:  refused | rolled_back | failed

A target has one deployment under way at most, and one that is active. Whoever carries one out may
be killed: its row is held for a while only, as a job's is, and the next to begin closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay import processes
from assay.errors import NotStored, StorageError
from assay.store import audit
from assay.store.account_tables import DeploymentRow
from assay.store.database import Database, insert_new
from assay.store.ids import new_id

_LEASE = timedelta(minutes=30)
"""For which a deployment is believed to be under way where its process cannot be asked: longer than
building and proving a release takes, as nothing is noted meanwhile."""


class Action(StrEnum):
    """What a deployment is for."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class State(StrEnum):
    """How far a deployment has come."""

    STARTED = "started"
    PROVEN = "proven"
    """Its release has answered over HTTP as it should."""
    ROLLING_OUT = "rolling_out"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    """Was active until another was."""
    ROLLED_BACK = "rolled_back"
    """Taken back: by the limits while it was a challenger, or by somebody later."""
    REFUSED = "refused"
    """Its release did not prove good, and was never asked by anybody else."""
    FAILED = "failed"
    """Something broke, or whoever carried it out was interrupted."""


OPEN = (State.STARTED, State.PROVEN, State.ROLLING_OUT)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is deployed, and where it comes from; what is not known yet is empty."""

    release: str = ""
    model_version: str = ""
    model_content: str = ""
    """Hash of the model's files."""
    plan: str = ""
    """Name of the serving plan; empty for the default."""
    run: str = ""
    """Name of the run that trained the model."""
    dataset_version: str = ""
    git_commit: str = ""
    """Of the code that was packaged."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One attempt to let a release answer on a target."""

    id: str
    target: str
    action: Action
    strategy: str
    state: State
    who: str
    subject: Subject
    reasons: tuple[str, ...]
    started_at: datetime
    activated_at: datetime | None
    """When it began to answer."""
    ended_at: datetime | None
    """When it was given up, or ceased to answer; None while it is under way or answers."""

    @property
    def is_open(self) -> bool:
        """Whether it is still under way."""
        return self.state in OPEN


class Deployments:
    """Deployments as rows, each change of state with its entry in the audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, target: str, action: Action, strategy: str, who: str, subject: Subject | None = None
    ) -> Deployment:
        """A new deployment; raises `StorageError` while another one of ``target`` is under way."""
        now = self._database.now()
        values: dict[str, Any] = {
            "id": new_id(),
            "target": target,
            "open_target": target,
            "action": action.value,
            "strategy": strategy,
            "state": State.STARTED.value,
            "who": who,
            "process": processes.identity(),
            "held_until": now + _LEASE,
            "reasons": [],
            "started_at": now,
            "activated_at": None,
            "ended_at": None,
            **_columns(subject or Subject()),
        }
        with self._database.writing() as session:
            if not insert_new(session, DeploymentRow, values, key="open_target"):
                raise StorageError(_under_way(session, target))
            row = session.get_one(DeploymentRow, values["id"])
            self._log(session, row, who)
            return _deployment(row)

    def advance(
        self, deployment_id: str, state: State, who: str, subject: Subject | None = None
    ) -> Deployment:
        """Note how far it has come, and what is deployed where that is known by now.

        Raises `NotStored`, and `StorageError` for one that has ended: somebody took it for dead.
        """
        with self._database.writing() as session:
            row = _open(session, deployment_id)
            row.state, row.held_until = state.value, self._database.now() + _LEASE
            for name, value in _columns(subject).items() if subject else ():
                setattr(row, name, value)
            self._log(session, row, who)
            return _deployment(row)

    def keep(self, deployment_id: str) -> None:
        """Show that it is still being carried out; raises as `advance`."""
        with self._database.writing() as session:
            _open(session, deployment_id).held_until = self._database.now() + _LEASE

    def activate(self, deployment_id: str, who: str, *reasons: str) -> Deployment:
        """It answers now, and the one before no longer; raises as `advance`.

        Of a rollback, the one before is rolled back, else superseded.
        """
        now = self._database.now()
        with self._database.writing() as session:
            row = _open(session, deployment_id)
            is_rollback = row.action == Action.ROLLBACK.value
            for before in session.scalars(_of(row.target, State.ACTIVE)):
                before.state = (State.ROLLED_BACK if is_rollback else State.SUPERSEDED).value
                before.ended_at = now
                self._log(session, before, who)
            row.state, row.activated_at, row.open_target = State.ACTIVE.value, now, None
            row.reasons = list(reasons)
            self._log(session, row, who)
            return _deployment(row)

    def end(self, deployment_id: str, state: State, who: str, *reasons: str) -> Deployment:
        """It is given up, for ``reasons``; what was active stays so. Raises as `advance`."""
        with self._database.writing() as session:
            row = _open(session, deployment_id)
            row.state, row.ended_at, row.open_target = state.value, self._database.now(), None
            row.reasons = list(reasons)
            self._log(session, row, who)
            return _deployment(row)

    def abandoned(self, target: str) -> Deployment | None:
        """The one under way that nobody carries out any more, or None.

        Of a process of another machine it is known by its silence only.
        """
        query = sa.select(DeploymentRow).where(DeploymentRow.open_target == target)
        with self._database.reading() as session:
            row = session.scalar(query)
            if row is None:
                return None
            is_over = row.held_until <= self._database.now()
            return _deployment(row) if is_over or processes.is_dead(row.process) else None

    def get(self, deployment_id: str) -> Deployment:
        """A deployment by its identifier or the beginning of it; raises `NotStored`."""
        begins = DeploymentRow.id.startswith(deployment_id, autoescape=True)
        with self._database.reading() as session:
            found = session.scalars(sa.select(DeploymentRow).where(begins).limit(2)).all()
        if len(found) != 1 or not deployment_id:
            lacking = "more than one deployment begins with" if found else "no deployment"
            raise NotStored(f"{lacking} {deployment_id[:64]!r}; `deployments list` names them")
        return _deployment(found[0])

    def active(self, target: str) -> Deployment | None:
        """What answers on ``target``, or None."""
        return self._latest(_of(target, State.ACTIVE))

    def previous(self, target: str) -> Deployment | None:
        """What answered before that: the latest other release that something took the place of."""
        now = self.active(target)
        query = _of(target, State.SUPERSEDED)
        if now is not None:
            query = query.where(DeploymentRow.release != now.subject.release)
            query = query.where(DeploymentRow.activated_at <= now.activated_at)
        return self._latest(query)

    def history(self, target: str = "", limit: int = 50) -> Sequence[Deployment]:
        """Up to ``limit`` deployments, newest first; of all targets where none is named."""
        query = sa.select(DeploymentRow).order_by(DeploymentRow.id.desc()).limit(limit)
        if target:
            query = query.where(DeploymentRow.target == target)
        with self._database.reading() as session:
            return [_deployment(row) for row in session.scalars(query)]

    def _latest(self, query: sa.Select[tuple[DeploymentRow]]) -> Deployment | None:
        with self._database.reading() as session:
            row = session.scalar(query.order_by(DeploymentRow.activated_at.desc()).limit(1))
            return None if row is None else _deployment(row)

    def _log(self, session: Session, row: DeploymentRow, who: str) -> None:
        what = {"target": row.target, "release": row.release, "model": row.model_version}
        action = f"deployment.{row.state}"
        audit.append(session, self._database.now(), who, action, row.id, **what, kind=row.action)


def _columns(subject: Subject) -> dict[str, str]:
    return {name: getattr(subject, name) for name in Subject.__dataclass_fields__}


def _of(target: str, state: State) -> sa.Select[tuple[DeploymentRow]]:
    query = sa.select(DeploymentRow).where(DeploymentRow.target == target)
    return query.where(DeploymentRow.state == state.value)


def _under_way(session: Session, target: str) -> str:
    row = session.scalar(sa.select(DeploymentRow).where(DeploymentRow.open_target == target))
    if row is None:  # it ended in this very moment
        return f"another deployment to {target} has just ended; try again"
    since = f"{row.started_at:%H:%M} UTC ({row.id})"
    return f"{row.who} has been deploying to {target} since {since}; wait, or interrupt it"


def _open(session: Session, deployment_id: str) -> DeploymentRow:
    row = session.get(DeploymentRow, deployment_id, with_for_update=True)
    if row is None:
        raise NotStored(f"no deployment {deployment_id[:64]!r}")
    if row.open_target is None:
        raise StorageError(f"deployment {row.id} is {row.state} by now; start another")
    return row


def _deployment(row: DeploymentRow) -> Deployment:
    facts = {name: getattr(row, name) for name in Subject.__dataclass_fields__}
    return Deployment(
        row.id,
        row.target,
        Action(row.action),
        row.strategy,
        State(row.state),
        row.who,
        Subject(**facts),
        tuple(row.reasons),
        row.started_at,
        row.activated_at,
        row.ended_at,
    )
