"""The work between a queue of URLs and a storage of images.

Threads ask, each one request at a time, whichever host's turn has come; writers have what came
verified in other processes, store it and then record it. So a slow server, a slow decoder and a
slow disk each wait for themselves alone, and a kill leaves nothing recorded that is not stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event, Lock, Semaphore, Thread
from typing import Self, TypeVar

from assay import addresses
from assay.addresses import Target
from assay.downloading.again import backoff, is_fresh
from assay.downloading.asking import NO_VALIDATORS, Answer, Body, Failed, Moved, Validators, ask
from assay.downloading.ledger import Entry, Ledger
from assay.downloading.outcomes import (
    Downloaded,
    DownloadSettings,
    NotDownloaded,
    Refusal,
    Wanted,
    lies,
)
from assay.downloading.queues import HostQueues
from assay.downloading.verification import Verifier
from assay.errors import ForbiddenAddress, StorageError, WorkerLost
from assay.storage import Storage, blob_path

T = TypeVar("T")

Outcome = Downloaded | NotDownloaded

_FAREWELL_SECONDS = 1.0
"""That requests under way are waited for when work is broken off; then they are left behind."""
_WATCH_SECONDS = 1.0
"""Between looks at whether all threads still live."""


@dataclass(slots=True, eq=False)
class Job:
    """One URL on its way."""

    wanted: Wanted
    outcome: Future[Outcome]
    before: Entry | None
    target: Target | None = None
    requests: int = 0
    failures: int = 0
    redirects: int = 0

    @property
    def host(self) -> str:
        """Whose turn it waits for; another one's after a redirect."""
        return self.where.host

    @property
    def where(self) -> Target:
        """What is asked for next."""
        if self.target is None:
            self.target = addresses.parse(self.wanted.url)
        return self.target

    @property
    def validators(self) -> Validators:
        """Of the image that we have."""
        is_kept = self.before is not None and self.before.image is not None
        return self.before.validators if self.before and is_kept else NO_VALIDATORS


class Work:
    """Threads and processes at work on URLs, from entering the context to leaving it."""

    def __init__(self, ledger: Ledger, storage: Storage, settings: DownloadSettings) -> None:
        self._ledger, self._storage, self._settings = ledger, storage, settings
        self._queues: HostQueues[Job] = HostQueues(settings)
        self._verifier = Verifier(settings.workers)
        self._writers = ThreadPoolExecutor(settings.writers, "download writer")
        self._room = Semaphore(2 * settings.writers)
        self._closing, self._closed = Lock(), False
        self._broken = Event()
        self._failure: StorageError | WorkerLost | None = None
        self._askers = [
            Thread(target=self._ask_in_turn, name="download", daemon=True)
            for _ in range(settings.connections)
        ]

    def __enter__(self) -> Self:
        for asker in self._askers:
            asker.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._closing:
            self._closed = True
        self._queues.close()
        self._room.release(len(self._askers))
        self._writers.shutdown(cancel_futures=True)
        self._verifier.close()
        end = time.monotonic() + _FAREWELL_SECONDS
        for asker in self._askers:
            asker.join(max(0.0, end - time.monotonic()))

    def begin(self, wanted: Wanted) -> Future[Outcome]:
        """What will become of ``wanted``; at once where the ledger knows."""
        outcome: Future[Outcome] = Future()
        if not wanted.url.strip():
            outcome.set_result(NotDownloaded(wanted.url, Refusal.NO_URL, "no URL is known"))
            return outcome
        if not is_unicode(wanted.url):  # which the ledger could not even hold
            reason = f"{addresses.shown(wanted.url)} holds half a character; correct it"
            outcome.set_result(NotDownloaded(wanted.url, Refusal.FORBIDDEN, reason))
            return outcome
        before = self._ledger.entry(wanted.url)
        job = Job(wanted, outcome, before)
        if before is not None and before.image is not None:
            self._submit(self._look_up, job, before)
        elif before is None or not is_fresh(before, self._settings, time.time()):
            self._queue(job)
        else:
            outcome.set_result(before.outcome)
        return outcome

    def wait(self, outcome: Future[Outcome]) -> Outcome:
        """The result of ``outcome``.

        Raises `StorageError` and `WorkerLost` as soon as anything fails that all the work needs:
        nobody is asked for what can be neither decoded nor kept.
        """
        while not self._broken.is_set():
            try:
                return outcome.result(_WATCH_SECONDS)
            except TimeoutError:
                continue
        lost = WorkerLost("a thread that downloads has failed; its error is in the log")
        raise self._failure or lost

    def _queue(self, job: Job) -> None:
        try:
            job.target = addresses.parse(job.wanted.url, self._settings.outbound.ports)
        except ForbiddenAddress as error:
            self._refuse(job, Refusal.FORBIDDEN, str(error))
        else:
            self._queues.put(job)

    def _ask_in_turn(self) -> None:
        is_well = False
        try:
            while turn := self._queues.take():
                job, given_up = turn
                if given_up is None:
                    self._answered(job, job.host, ask(job.where, job.validators, self._settings))
                else:
                    self._refuse(job, given_up.refusal, given_up.reason)
            is_well = True
        finally:
            if not is_well:
                self._broken.set()

    def _answered(self, job: Job, host: str, answer: Answer) -> None:
        job.requests += 1
        if isinstance(answer, Failed):
            self._failed(job, host, answer)
            return
        self._queues.answered(host)
        if isinstance(answer, Body):
            self._room.acquire()
            self._submit(self._keep, job, answer)
        elif isinstance(answer, Moved):
            self._moved(job, answer.target)
        elif job.before is not None:
            self._settle(job, replace(job.before, failure=None))

    def _moved(self, job: Job, target: Target) -> None:
        job.redirects, job.target = job.redirects + 1, target
        if job.redirects > self._settings.max_redirects:
            reason = f"redirects more than {self._settings.max_redirects} times"
            self._refuse(job, Refusal.DENIED, reason)
        else:
            self._queues.put(job)

    def _failed(self, job: Job, host: str, answer: Failed) -> None:
        if not answer.refusal.may_pass:
            self._queues.answered(host)
            self._refuse(job, answer.refusal, answer.reason)
            return
        job.failures += 1
        wait = backoff(job.failures, self._settings)
        if answer.refusal is Refusal.RATE_LIMITED:
            wait = wait if answer.retry_after is None else answer.retry_after
            self._queues.pause(host, wait, answer.reason)
        self._queues.failed(host, answer.refusal, answer.reason)
        if job.failures < self._settings.attempts:
            self._queues.put(job, wait)
        else:
            self._refuse(job, answer.refusal, answer.reason)

    def _submit(self, work: Callable[[Job, T], None], job: Job, what: T) -> None:
        with self._closing:
            if not self._closed:
                self._writers.submit(self._guarded, work, job, what)

    def _guarded(self, work: Callable[[Job, T], None], job: Job, what: T) -> None:
        is_well = False
        try:
            work(job, what)
            is_well = True
        except (StorageError, WorkerLost) as error:
            is_well = True
            self._fail(job, error)
        finally:
            if not is_well:
                self._broken.set()

    def _look_up(self, job: Job, before: Entry) -> None:
        """What the ledger knows may have been removed from the storage, or be old."""
        if before.image is None or not self._storage.has(blob_path(before.image.digest)):
            job.before = None
            self._queue(job)
        elif is_fresh(before, self._settings, time.time()):
            job.outcome.set_result(before.outcome)
        else:
            self._queue(job)

    def _keep(self, job: Job, body: Body) -> None:
        try:
            verdict = self._verifier.verify(body.data)
            if verdict.refusal is not None:
                self._refuse(job, verdict.refusal, verdict.reason)
                return
            digest = self._storage.add(body.data)
        finally:
            self._room.release()
        image = Downloaded(job.wanted.url, digest, len(body.data), verdict.media_type)
        image = replace(image, lies=lies(job.wanted, image))
        self._settle(job, Entry(job.wanted.url, 0.0, 0, image, body.validators))

    def _refuse(self, job: Job, refusal: Refusal, reason: str) -> None:
        before = job.before or Entry(job.wanted.url, 0.0, 0)
        failure = NotDownloaded(job.wanted.url, refusal, reason)
        self._settle(job, replace(before, failure=failure))

    def _settle(self, job: Job, entry: Entry) -> None:
        requests = job.requests + (job.before.attempts if job.before else 0)
        entry = replace(entry, checked_at=time.time(), attempts=requests)
        try:
            self._ledger.record(entry)
        except StorageError as error:
            self._fail(job, error)
        else:
            job.outcome.set_result(entry.outcome)

    def _fail(self, job: Job, error: StorageError | WorkerLost) -> None:
        self._failure = error
        self._broken.set()
        self._queues.close()
        job.outcome.set_exception(error)


def is_unicode(text: str) -> bool:
    """Whether ``text`` has no lone surrogates, which JSON may carry and UTF-8 cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
