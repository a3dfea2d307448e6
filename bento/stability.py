"""Whether a verdict holds where its image is shared again: where asked for, and for a share of all.

Measuring three more images costs more than the request itself. So a check has one worker process at
a time, checks together have half of them, and one that nobody asked for is left out where it would
have to wait, fails, or takes longer than its request can.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import replace

from assay import stability
from assay.detector import Rationale
from assay.errors import AssayError
from assay.evidence_pool import EvidencePool
from assay.intake import ImageFacts
from assay.questions import Question
from assay.records import Verdict
from assay.store import Capture, Rescored
from bento.admission import is_large
from bento.answering import Answers
from bento.submission import Submission

logger = logging.getLogger(__name__)

Rescorings = dict[str, Rescored]
"""By perturbation, in the order of `assay.stability.NAMES`."""


class StabilityChecks:
    """Re-scores images, and a ``share`` of those that nobody asks it for; on one event loop."""

    def __init__(self, pool: EvidencePool, answers: Answers, share: float) -> None:
        self._pool, self._answers, self._share = pool, answers, share
        self._turns = asyncio.Semaphore(max(1, pool.size // 2))

    async def check(
        self, submission: Submission, identity: ImageFacts, patience: float
    ) -> Rescorings | None:
        """What the image is called after each perturbation; None where it is not checked.

        Large images never are. Raises what measuring and answering raise where the check was asked
        for; one that was drawn is given up then, and after ``patience`` seconds.
        """
        if is_large(identity):
            return None
        if submission.stability:
            return await self._rescored(submission.image, identity)
        if submission.is_copy or self._turns.locked() or not self._is_drawn():
            return None
        try:
            async with asyncio.timeout(patience):
                return await self._rescored(submission.image, identity)
        except (AssayError, TimeoutError) as error:
            logger.info("a stability check was given up: %s", error or "it took too long")
            return None

    async def explained(self, verdict: Verdict, question: Question, wanted: Rationale) -> Verdict:
        """A ``verdict`` that does not hold, for people to look at, with the reasons they are given.

        Raises what answering raises.
        """
        unsure = replace(verdict, needs_review=True)
        if wanted.is_wanted(verdict) or not wanted.is_wanted(unsure):
            return unsure
        again = await self._answers.answer(question, Rationale.ALWAYS)
        return replace(again, needs_review=True)

    def _is_drawn(self) -> bool:
        """By chance alone, not by what audits are drawn by: see `Capture.selection_probability`."""
        return random.random() < self._share  # noqa: S311 - not a secret

    async def _rescored(self, image: bytes, identity: ImageFacts) -> Rescorings:
        async with self._turns:
            return {name: await self._after(name, image, identity) for name in stability.NAMES}

    async def _after(self, name: str, image: bytes, identity: ImageFacts) -> Rescored:
        measuring = self._pool.submit_perturbed(image, name, identity.pixel_digest)
        question = await asyncio.wrap_future(measuring)
        verdict = await self._answers.answer(question, Rationale.NEVER)
        return Rescored(label=verdict.label, score=verdict.score)


def is_answered(seen: Capture, submission: Submission, identity: ImageFacts) -> bool:
    """Whether a kept answer was checked, if that is what is asked for, or never will be."""
    return not submission.stability or seen.stability is not None or is_large(identity)


def holds(verdict: Verdict, rescorings: Mapping[str, Rescored] | None) -> bool:
    """Whether no rescoring says another label; a verdict that was not checked holds."""
    return all(one.label is verdict.label for one in (rescorings or {}).values())
