"""Work over thousands of images that outlives the request, and the process, that began it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import NotStored, NotYourCase
from assay.store.account_tables import JobItemRow, JobRow
from assay.store.database import Database
from assay.store.ids import new_id

Result = tuple[str | None, str]
"""The capture's identifier, and an error; an error counts as failed."""

_LEASE = timedelta(minutes=2)
_PAGE = 500


class JobState(StrEnum):
    """How far a job, or one item of it, has come."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A job and its progress, counted from its items."""

    id: str
    client: str
    kind: str
    state: JobState
    options: Mapping[str, Any]
    error: str
    total: int
    done: int
    failed: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class JobItem:
    """One image of a job: where it comes from, and what became of it."""

    position: int
    source: str
    """A URL, or the name of a member of the archive."""
    state: JobState
    capture_id: str | None
    error: str


class Jobs:
    """Jobs as rows: whoever works on one may be killed, and the next goes on after its last row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, client: str, kind: str, sources: Sequence[str], options: Mapping[str, Any]
    ) -> Job:
        """A job over ``sources``, in this order."""
        now, job_id = self._database.now(), new_id()
        job = JobRow(
            id=job_id,
            client=client,
            kind=kind,
            state=JobState.PENDING.value if sources else JobState.DONE.value,
            options=dict(options),
            error="",
            created_at=now,
            updated_at=now,
            worker=None,
            held_until=None,
        )
        blank = {"job_id": job_id, "state": JobState.PENDING.value, "capture_id": None, "error": ""}
        items = [{**blank, "position": n, "source": source} for n, source in enumerate(sources)]
        with self._database.writing() as session:
            session.add(job)
            session.flush()
            if items:
                session.execute(sa.insert(JobItemRow), items)
            return _job(session, job)

    def get(self, job_id: str) -> Job:
        """A job with its progress; raises `NotStored`."""
        with self._database.reading() as session:
            return _job(session, _row(session, job_id))

    def claim(self, worker: str) -> Job | None:
        """The oldest unfinished job that nobody works on, for ``worker``; None if there is none.

        It is free again when its worker has recorded nothing for two minutes.
        """
        now = self._database.now()
        is_free = sa.or_(JobRow.held_until.is_(None), JobRow.held_until <= now)
        query = sa.select(JobRow).where(JobRow.state == JobState.PENDING.value, is_free)
        query = query.order_by(JobRow.id).limit(1).with_for_update(skip_locked=True)
        with self._database.writing() as session:
            row = session.scalar(query)
            if row is None:
                return None
            row.worker, row.held_until = worker, now + _LEASE
            return _job(session, row)

    def pending(self, job_id: str, limit: int) -> Sequence[JobItem]:
        """The next items without a result, in order."""
        query = _items(job_id).where(JobItemRow.state == JobState.PENDING.value).limit(limit)
        with self._database.reading() as session:
            return [_item(row) for row in session.scalars(query)]

    def record(
        self, job_id: str, worker: str, results: Mapping[int, tuple[str | None, str]]
    ) -> Job:
        """Note the results by position, and keep the job; done when none is left.

        Raises `NotStored`, and `NotYourCase` where the job was cancelled or another worker took it
        over: then stop.
        """
        now = self._database.now()
        with self._database.writing() as session:
            row = _row(session, job_id, lock=True)
            if row.worker != worker or row.state != JobState.PENDING.value:
                raise NotYourCase(f"job {job_id} is {row.state}, or another worker's by now")
            for position, (capture_id, error) in results.items():
                item = session.get_one(JobItemRow, (job_id, position))
                item.state = (JobState.FAILED if error else JobState.DONE).value
                item.capture_id, item.error = capture_id, error
            row.updated_at, row.held_until = now, now + _LEASE
            session.flush()
            if _counts(session, job_id).get(JobState.PENDING.value, 0) == 0:
                row.state, row.worker, row.held_until = JobState.DONE.value, None, None
            return _job(session, row)

    def end(self, job_id: str, state: JobState, error: str = "") -> None:
        """Cancel a job or call it failed; its results so far stay. Raises `NotStored`."""
        with self._database.writing() as session:
            row = _row(session, job_id, lock=True)
            if row.state == JobState.PENDING.value:
                row.state, row.error = state.value, error
                row.updated_at = self._database.now()

    def items(self, job_id: str) -> Iterator[JobItem]:
        """All items in order, read in pages."""
        after = -1
        while page := self._page(job_id, after):
            yield from page
            after = page[-1].position

    def _page(self, job_id: str, after: int) -> Sequence[JobItem]:
        with self._database.reading() as session:
            query = _items(job_id).where(JobItemRow.position > after).limit(_PAGE)
            return [_item(row) for row in session.scalars(query)]


def _row(session: Session, job_id: str, *, lock: bool = False) -> JobRow:
    row = session.get(JobRow, job_id, with_for_update=lock)
    if row is None:
        raise NotStored(f"no job {job_id[:64]!r}")
    return row


def _items(job_id: str) -> sa.Select[tuple[JobItemRow]]:
    query = sa.select(JobItemRow).where(JobItemRow.job_id == job_id)
    return query.order_by(JobItemRow.position)


def _counts(session: Session, job_id: str) -> dict[str, int]:
    query = sa.select(JobItemRow.state, sa.func.count()).where(JobItemRow.job_id == job_id)
    return dict(session.execute(query.group_by(JobItemRow.state)).tuples().all())


def _job(session: Session, row: JobRow) -> Job:
    counts = _counts(session, row.id)
    return Job(
        row.id,
        row.client,
        row.kind,
        JobState(row.state),
        row.options,
        row.error,
        sum(counts.values()),
        counts.get(JobState.DONE.value, 0),
        counts.get(JobState.FAILED.value, 0),
        row.created_at,
        row.updated_at,
    )


def _item(row: JobItemRow) -> JobItem:
    return JobItem(row.position, row.source, JobState(row.state), row.capture_id, row.error)
