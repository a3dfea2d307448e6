"""Work over thousands of images that outlives the request, and the process, that began it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import NotStored, NotYourCase
from assay.store.account_tables import JobItemRow, JobRow
from assay.store.database import Database
from assay.store.ids import new_id

_LEASE = timedelta(minutes=2)
_PAGE = 500


class Result(NamedTuple):
    """What became of an item: a capture, or an error, which counts as failed."""

    capture_id: str | None = None
    error: str = ""
    code: str = ""
    """The kind of error, for programs."""


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
    began_at: datetime | None
    """When the first worker took it."""
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class JobItem:
    """One image of a job: where it comes from, and what became of it."""

    position: int
    source: str
    """Where its worker finds the image, in the words of the job's kind."""
    state: JobState
    capture_id: str | None
    error: str
    code: str


class Jobs:
    """Jobs as rows: whoever works on one may be killed, and the next goes on after its last row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        client: str,
        kind: str,
        sources: Sequence[str],
        options: Mapping[str, Any],
        job_id: str = "",
    ) -> Job:
        """A job over ``sources``, in this order.

        ``job_id`` is a `new_id` under which the caller has put something away already.
        """
        now, job_id = self._database.now(), job_id or new_id()
        job = JobRow(
            id=job_id,
            client=client,
            kind=kind,
            state=JobState.PENDING.value if sources else JobState.DONE.value,
            options=dict(options),
            error="",
            created_at=now,
            began_at=None,
            updated_at=now,
            worker=None,
            held_until=None,
        )
        blank = {
            "job_id": job_id,
            "state": JobState.PENDING.value,
            "capture_id": None,
            "error": "",
            "code": "",
        }
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

    def page(self, client: str, before: str = "", limit: int = 50) -> Sequence[Job]:
        """Up to ``limit`` jobs of a client, newest first, older than ``before``."""
        query = sa.select(JobRow).where(JobRow.client == client)
        if before:
            query = query.where(JobRow.id < before)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(JobRow.id.desc()).limit(limit))
            return [_job(session, row) for row in rows]

    def claim(self, worker: str) -> Job | None:
        """The unfinished job that has waited longest, for ``worker``; None if there is none.

        It is free again when its worker releases it, or has recorded nothing for two minutes. Jobs
        that are released now and then take turns.
        """
        now = self._database.now()
        is_free = sa.or_(JobRow.held_until.is_(None), JobRow.held_until <= now)
        query = sa.select(JobRow).where(JobRow.state == JobState.PENDING.value, is_free)
        query = query.order_by(JobRow.updated_at, JobRow.id).limit(1)
        with self._database.writing() as session:
            row = session.scalar(query.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.worker, row.held_until = worker, now + _LEASE
            row.began_at = row.began_at or now
            return _job(session, row)

    def release(self, job_id: str, worker: str) -> None:
        """Give a job back before it is done, behind the others that wait."""
        mine = JobRow.id == job_id, JobRow.worker == worker
        blank = {"worker": None, "held_until": None, "updated_at": self._database.now()}
        with self._database.writing() as session:
            session.execute(sa.update(JobRow).where(*mine).values(blank))

    def pending(self, job_id: str, limit: int) -> Sequence[JobItem]:
        """The next items without a result, in order."""
        query = _items(job_id).where(JobItemRow.state == JobState.PENDING.value).limit(limit)
        with self._database.reading() as session:
            return [_item(row) for row in session.scalars(query)]

    def record(self, job_id: str, worker: str, results: Mapping[int, Result]) -> Job:
        """Note the results by position, and keep the job; done when none is left.

        Without results it only keeps the job. Raises `NotStored`, and `NotYourCase` where the job
        was cancelled or another worker took it over: then stop.
        """
        now = self._database.now()
        with self._database.writing() as session:
            row = _row(session, job_id, lock=True)
            if row.worker != worker or row.state != JobState.PENDING.value:
                raise NotYourCase(f"job {job_id} is {row.state}, or another worker's by now")
            for position, result in results.items():
                item = session.get_one(JobItemRow, (job_id, position))
                item.state = (JobState.FAILED if result.error else JobState.DONE).value
                item.capture_id, item.error, item.code = result
            row.updated_at, row.held_until = now, now + _LEASE
            session.flush()
            if _counts(session, job_id).get(JobState.PENDING.value, 0) == 0:
                row.state, row.worker, row.held_until = JobState.DONE.value, None, None
            return _job(session, row)

    def end(self, job_id: str, state: JobState, error: str = "") -> None:
        """Cancel a job or call it failed; its results so far stay. Raises `NotStored`.

        One that has ended already stays as it is.
        """
        with self._database.writing() as session:
            row = _row(session, job_id, lock=True)
            if row.state == JobState.PENDING.value:
                row.state, row.error = state.value, error
                row.updated_at = self._database.now()

    def forget_before(self, moment: datetime) -> int:
        """Drop the jobs that ended before ``moment``, with their results; how many there were."""
        ended = JobRow.state != JobState.PENDING.value, JobRow.updated_at < moment
        with self._database.writing() as session:
            old = session.scalars(sa.select(JobRow.id).where(*ended).limit(_PAGE)).all()
            session.execute(sa.delete(JobItemRow).where(JobItemRow.job_id.in_(old)))
            session.execute(sa.delete(JobRow).where(JobRow.id.in_(old)))
        return len(old)

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
        row.began_at,
        row.updated_at,
    )


def _item(row: JobItemRow) -> JobItem:
    state = JobState(row.state)
    return JobItem(row.position, row.source, state, row.capture_id, row.error, row.code)
