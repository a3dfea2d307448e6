"""Works through jobs beside whatever is asked meanwhile, and after a kill from where it was.

Each image has one capture, whatever happens: its identifier is drawn once for job and position, and
of several captures of one identifier the first counts. A result is recorded when its capture is
durable, so what is lost by a kill is at most the knowledge that an image was answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from typing import Any

import anyio.to_thread

from assay import fetching
from assay.errors import (
    AssayError,
    NotYourCase,
    SourceUnavailable,
    StorageError,
    UnsafeArchive,
    WorkerLost,
)
from assay.store import Capture, Job, JobItem, JobState, Result
from assay.store.ids import new_id
from bento import job_files
from bento.api.job_shapes import ARCHIVE, JobLine
from bento.api.schemas import Options
from bento.refusals import DeadlineExceeded, ModelNotServed, code_of
from bento.runtime import Runtime
from bento.submission import Submission
from bento.turns import Turns

SLICE = 64
"""Images after which a job lets the next one have its turn."""
_KEEP_EVERY = 5.0
"""Seconds: after this a cancelled job stops, and long before two minutes it would be for others."""
_TRIES = 2
_PASSING = (DeadlineExceeded, WorkerLost, SourceUnavailable)
"""What may be over when the same image is tried again."""
_LONGEST_NAME = 200

Content = bytes | str | None
"""An image, why it was not unpacked, or None where it has to be fetched."""

logger = logging.getLogger(__name__)


class JobRunner:
    """Works on jobs with at most half of the worker processes (one at least); one a process."""

    def __init__(self, here: Runtime) -> None:
        self._here, self._jobs = here, here.store.jobs
        self._worker = new_id()
        self.at_once = max(1, here.engine.pool.size // 2)
        self._turns = Turns(self.at_once)

    async def work(self) -> None:
        """Work until no job waits, slice by slice; raises `StorageError`, with nothing lost."""
        while self._here.engine.is_ready and not self._here.settings.on_standby:
            job = await asyncio.to_thread(self._jobs.claim, self._worker)
            if job is None:
                return
            await self._slice(job)

    async def _slice(self, job: Job) -> None:
        """The next images of a job; then it goes behind the others that wait."""
        logger.info("job %s: %d of %d", job.id, job.done + job.failed, job.total)
        try:
            self._require_version(job)
            items = await asyncio.to_thread(self._jobs.pending, job.id, SLICE)
            images = _Images(self._here, job, items)
            work = [self._answer(job, images) for _ in range(self.at_once)]
            await _together(work, meanwhile=self._keep(job))
        except NotYourCase as error:
            logger.info("stopped: %s", error)
        except (UnsafeArchive, ModelNotServed) as error:
            await asyncio.to_thread(self._jobs.end, job.id, JobState.FAILED, str(error))
        finally:
            await asyncio.to_thread(self._leave, job)

    def _require_version(self, job: Job) -> None:
        """Raise `ModelNotServed` where a job is for another model than came with a restart."""
        wanted, served = Options(**job.options).model_version, self._here.model.version
        if wanted and wanted != served:
            raise ModelNotServed(f"the job is for model version {wanted!r}, {served!r} is served")

    async def _keep(self, job: Job) -> None:
        """Hold the job while its images wait; ends the slice where it was cancelled."""
        while True:
            await asyncio.sleep(_KEEP_EVERY)
            await asyncio.to_thread(self._jobs.record, job.id, self._worker, {})

    def _leave(self, job: Job) -> None:
        self._jobs.release(job.id, self._worker)
        if self._jobs.get(job.id).state is not JobState.PENDING:
            job_files.remove(self._here.store, job.id)

    async def _answer(self, job: Job, images: _Images) -> None:
        while (found := await images.next()) is not None:
            item, content = found
            result = await self._result(job, item, content)
            record = self._jobs.record
            await asyncio.to_thread(record, job.id, self._worker, {item.position: result})

    async def _result(self, job: Job, item: JobItem, content: Content) -> Result:
        """What becomes of one image; raises `StorageError`, which is no fault of the image."""
        tries = _TRIES
        while True:
            tries -= 1
            try:
                return Result((await self._detect(job, item, content)).id)
            except StorageError:
                raise
            except AssayError as error:
                if tries == 0 or not isinstance(error, _PASSING):
                    return Result(None, str(error), code_of(type(error).__name__))

    async def _detect(self, job: Job, item: JobItem, content: Content) -> Capture:
        id_for = self._here.store.captures.id_for
        # No client has a name like this, so nobody's own idempotency keys are in the way.
        name = f"job:{job.id}"
        capture_id = await asyncio.to_thread(id_for, name, str(item.position), job.id)
        read = partial(_submission, job, item, content, capture_id)
        return await self._turns.detect(self._here.engine, read)


class _Images:
    """The images of some items, one after the other, to several who ask."""

    def __init__(self, here: Runtime, job: Job, items: Sequence[JobItem]) -> None:
        self._found = _found(here, job, items)
        self._lock = asyncio.Lock()

    async def next(self) -> tuple[JobItem, Content] | None:
        """The next item; raises `UnsafeArchive` where there is no archive."""
        async with self._lock:
            return await anyio.to_thread.run_sync(next, self._found, None)


def _found(here: Runtime, job: Job, items: Sequence[JobItem]) -> Iterator[tuple[JobItem, Content]]:
    if job.kind == ARCHIVE:
        members = job_files.members(here.store, job.id, {item.position for item in items})
        for item, member in zip(items, members, strict=True):
            yield item, member.content
    else:
        for item in items:
            yield item, None


async def _submission(job: Job, item: JobItem, content: Content, capture_id: str) -> Submission:
    options = Options(**job.options)
    if isinstance(content, str):
        raise UnsafeArchive(content)
    if content is None:
        line = JobLine.model_validate_json(item.source)
        fetched = await anyio.to_thread.run_sync(fetching.fetch, line.url)
        content, said = fetched.data, line.model_dump(exclude={"url"})
    else:
        said = {"external_id": item.source[:_LONGEST_NAME]}
    chosen = options.model_dump(exclude={"model_version"})
    return Submission(content, job.client, **chosen, **said, capture_id=capture_id)


async def _together(
    work: Sequence[Coroutine[Any, Any, None]], *, meanwhile: Coroutine[Any, Any, None]
) -> None:
    """Do all ``work``; the first error, also of ``meanwhile``, ends all of it and is raised."""
    aside = asyncio.create_task(meanwhile)
    tasks = [asyncio.create_task(one) for one in work]
    whole = asyncio.gather(*tasks)
    try:
        await asyncio.wait((aside, whole), return_when=asyncio.FIRST_COMPLETED)
        await (whole if whole.done() else aside)
    finally:
        for task in (aside, *tasks):
            task.cancel()
        await asyncio.gather(aside, *tasks, return_exceptions=True)
