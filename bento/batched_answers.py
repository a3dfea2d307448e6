"""Asking the model, which answers in a process of its own, in batches."""

from __future__ import annotations

import logging
from typing import Any

import aiohttp

from assay.detector import Rationale
from assay.errors import AssayError, WorkerLost
from assay.questions import Question
from assay.records import Verdict

logger = logging.getLogger(__name__)


class Parcel:
    """One item of a batch.

    No dataclass on purpose: BentoML would take one apart into a dictionary.
    """

    def __init__(self, content: Any) -> None:
        self.content = content


class BatchedAnswers:
    """Asks the inner service."""

    def __init__(self, model: Any) -> None:
        self._model = model

    async def answer(self, question: Question, rationale: Rationale) -> Verdict:
        """The verdict on one question; those asked meanwhile share its batch.

        A connection that breaks is tried once more, as asking changes nothing. Raises `WorkerLost`
        where the model's process ends over it (BentoML starts another one), and what the model
        itself raises, such as where the server behind it does not answer.
        """
        try:
            return await self._asked(question, rationale)
        except aiohttp.ClientError:
            logger.info("asking the model again: the connection to its process broke")
        try:
            return await self._asked(question, rationale)
        except aiohttp.ClientError as error:
            raise WorkerLost("the model's process was lost and is started anew; retry") from error

    async def _asked(self, question: Question, rationale: Rationale) -> Verdict:
        model = self._model.to_async
        ask = model.verdicts if rationale is Rationale.NEVER else model.reasoned
        parcels = await ask([Parcel((question, rationale))])
        answer: Verdict | AssayError = parcels[0].content
        if isinstance(answer, AssayError):
            raise answer
        return answer
