r"""The flow of one detection: who is it, was it seen before, what is measured, what is answered.

    bytes -> identity -> seen before? -> evidence (worker processes) -> model (batched)
                                \                              |  stable? (some)
                                 \_____________________________________-> notice -> capture

Nothing here knows HTTP. What is slow or hostile happens in worker processes; what waits (database,
disk) on threads; the event loop only directs.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import TypeVar, TypeVarTuple

from assay import intake, kept_answers
from assay.detector import Rationale
from assay.errors import AssayError, StoreUnavailable
from assay.evidence_pool import EvidencePool
from assay.intake import ImageFacts
from assay.known_images import KnownImages
from assay.notices import NoticeLimits
from assay.records import Finding
from assay.store import Capture, Store
from assay.store.ids import new_id
from bento import captures, known_images, metrics, stability
from bento.admission import Admission, is_large
from bento.answering import Answers
from bento.model_card import ModelCard
from bento.refusal_tally import RefusalTally
from bento.refusals import DeadlineExceeded
from bento.siblings import Relatives
from bento.stability import StabilityChecks
from bento.stopwatch import Stopwatch
from bento.submission import Submission

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

_REMEMBERED = 10_000
"""Identities by the digest of the bytes, so that a repeat is not even decoded."""


class Engine:
    """Takes submissions to captures; one a process."""

    def __init__(
        self,
        store: Store,
        pool: EvidencePool,
        answers: Answers,
        relatives: Relatives,
        admission: Admission,
        deadline: float,
        model: ModelCard,
        serving_plan: str | None = None,
        stability_share: float = 0.0,
        known: KnownImages | None = None,
    ) -> None:
        self.store, self.pool, self.admission = store, pool, admission
        self.version, self._serving_plan = model.version, serving_plan
        self._model = model
        self.relatives = relatives
        self.known = known
        self.refused = RefusalTally()
        self._answers, self._deadline = answers, deadline
        self._checks = StabilityChecks(pool, answers, stability_share)
        self._known: OrderedDict[str, ImageFacts] = OrderedDict()
        self._large = asyncio.Semaphore(max(1, pool.size // 2))
        self._is_warm = False

    async def detect(self, submission: Submission) -> Capture:
        """The capture that answers a submission, durable on this machine; a copy's is kept nowhere.

        Raises `Overloaded`, `DeadlineExceeded`, what decoding raises, and `StorageError` where the
        disk does not take the capture.
        """
        try:
            with self.admission.admit():
                return await self._in_time(self._answered(submission))
        except AssayError as error:
            if not submission.is_copy:
                self.refused.count(submission.client, error)
            raise

    async def measure(self, function: Callable[[*Ts], R], *arguments: *Ts) -> R:
        """What a module-level ``function`` of encoded images gives, without a detection.

        It runs in a worker process and takes a place as a detection does. Raises `Overloaded`,
        `DeadlineExceeded`, `WorkerLost` and what ``function`` raises.
        """
        with self.admission.admit():
            running = asyncio.wrap_future(self.pool.run(function, *arguments))
            return await self._in_time(running)

    async def warm_up(self, image: bytes) -> None:
        """Answer one image without keeping it, so that the first request finds all loaded."""
        measured = await asyncio.wrap_future(self.pool.submit(image))
        await self._answers.answer(measured.question, Rationale.NEVER)
        self._is_warm = True

    @property
    def _limits(self) -> NoticeLimits:
        return self._model.policy.notices

    @property
    def is_ready(self) -> bool:
        """Whether verdicts can be given: the warm-up image was answered."""
        return self._is_warm

    async def _in_time(self, work: Awaitable[R]) -> R:
        try:
            async with asyncio.timeout(self._deadline):
                return await work
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"the image took longer than {self._deadline:g} s; try again, or scale it down"
            ) from error

    async def _answered(self, submission: Submission) -> Capture:
        watch = Stopwatch()
        if kept := await self._repeated_request(submission):
            return kept
        identity = await self._identify(submission.image)
        watch.lap("identify")
        seen = None
        if not submission.is_copy:
            seen = await asyncio.to_thread(self._seen, identity, submission)
        known = await asyncio.to_thread(known_images.seen, self.known, identity)
        watch.lap("seen_before")
        if seen is None:
            capture = await self._judged(submission, identity, watch)
        else:
            stated = await self._stated(seen, submission.image)
            watch.lap("origin")
            capture = captures.repeated(seen, submission, identity, stated, self._limits)
        shown = capture.model_copy(update={"known_images": known})
        return await self._kept(shown, submission, watch)

    async def _repeated_request(self, submission: Submission) -> Capture | None:
        """The capture of an earlier request with the same idempotency key."""
        if not submission.capture_id:
            return None
        return await asyncio.to_thread(self.store.captures.find, submission.capture_id)

    async def _identify(self, image: bytes) -> ImageFacts:
        digest = hashlib.sha256(image).hexdigest()
        if known := self._known.get(digest):
            self._known.move_to_end(digest)
            return known
        identity = await asyncio.wrap_future(self.pool.run(intake.identify, image))
        self._known[digest] = identity
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return identity

    def _seen(self, identity: ImageFacts, submission: Submission) -> Capture | None:
        """A capture of the same pixels whose answer holds for this request too.

        Without the database the image is judged anew: that takes longer, and loses nothing.
        """
        try:
            seen = self.store.captures.find_pixels(identity.pixel_digest)
        except StoreUnavailable:
            return None
        if seen is None or seen.model_version != self.version or not self._holds(seen):
            return None
        is_checked = stability.is_answered(seen, submission, identity)
        return seen if is_checked and captures.has_reasons(seen, submission.rationale) else None

    def _holds(self, seen: Capture) -> bool:
        """Whether the policy that is followed now would answer as was answered then."""
        return kept_answers.still_holds(seen, self._model.rules, self._model.is_heard)

    def _lane(self, identity: ImageFacts) -> AbstractAsyncContextManager[None]:
        """Where an image waits to be measured: large ones never take all processes at once."""
        return self._large if is_large(identity) else nullcontext()

    async def _stated(self, seen: Capture, image: bytes) -> tuple[Finding, ...] | None:
        """What a file says of its origin; None where it is the one that was ``seen``."""
        if hashlib.sha256(image).hexdigest() == seen.image_digest:
            return None
        return await asyncio.wrap_future(self.pool.run(intake.stated, image))

    async def _judged(
        self, submission: Submission, identity: ImageFacts, watch: Stopwatch
    ) -> Capture:
        async with self._lane(identity):
            measured, relatives = await asyncio.gather(
                asyncio.wrap_future(self.pool.submit(submission.image)),
                self.relatives.of(submission.image, identity),
            )
        watch.lap("evidence")
        if submission.rationale is Rationale.FLAGGED and captures.calls_for_people(relatives):
            submission = replace(submission, rationale=Rationale.ALWAYS)
        question = measured.question
        verdict = await self._answers.answer(question, submission.rationale)
        watch.lap("model")
        patience = (self._deadline - watch.total / 1000) / 2
        rescored = await self._checks.check(submission, identity, patience)
        if not stability.holds(verdict, rescored):
            verdict = await self._checks.explained(verdict, question, submission.rationale)
        if rescored is not None:
            watch.lap("stability")
        judged = captures.judged(submission, identity, question, verdict, relatives, self._limits)
        return judged.model_copy(
            update={
                "serving_plan": self._serving_plan,
                "descriptors": measured.descriptors,
                "stability": rescored,
            }
        )

    async def _kept(self, capture: Capture, submission: Submission, watch: Stopwatch) -> Capture:
        timed = capture.model_copy(
            update={
                "id": submission.capture_id or new_id(),
                "timings": watch.laps,
                "latency_ms": watch.total,
            }
        )
        if submission.is_copy:
            return timed
        is_keyed = bool(submission.capture_id)
        append = self.store.captures.append
        kept = await asyncio.to_thread(append, timed, submission.image, is_keyed=is_keyed)
        await asyncio.to_thread(self.relatives.remember, kept)
        metrics.answered(kept)
        return kept
