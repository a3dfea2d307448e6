"""Asking the model, which answers in a process of its own, in batches."""

from __future__ import annotations

from typing import Any

import aiohttp

from assay.detector import Rationale
from assay.errors import WorkerLost
from assay.questions import Question
from assay.records import Verdict


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

        Raises `WorkerLost` where the model's process ends over it; BentoML starts another one.
        """
        model = self._model.to_async
        ask = model.verdicts if rationale is Rationale.NEVER else model.reasoned
        try:
            parcels = await ask([Parcel((question, rationale))])
        except aiohttp.ClientError as error:
            raise WorkerLost("the model's process was lost and is started anew; retry") from error
        verdict: Verdict = parcels[0].content
        return verdict
