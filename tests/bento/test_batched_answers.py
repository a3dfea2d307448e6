"""What becomes of a question when the connection to the model's process breaks."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from assay.detector import Rationale
from assay.errors import AssayError, UnparseableAnswer, WorkerLost
from bento.batched_answers import BatchedAnswers, Parcel


class Breaking:
    """An inner service whose first ``breaks`` connections break."""

    def __init__(self, breaks: int) -> None:
        self.breaks, self.asked = breaks, 0
        self.to_async = self

    async def verdicts(self, parcels: list[Any]) -> list[Parcel]:
        self.asked += 1
        if self.asked <= self.breaks:
            raise aiohttp.ServerDisconnectedError
        return [Parcel("verdict") for _ in parcels]


def test_a_broken_connection_is_tried_once_more() -> None:
    model = Breaking(1)
    answered = asyncio.run(BatchedAnswers(model).answer(None, Rationale.NEVER))
    assert (answered, model.asked) == ("verdict", 2)


def test_a_model_that_stays_away_is_said_to() -> None:
    model = Breaking(9)
    with pytest.raises(WorkerLost, match="retry"):
        asyncio.run(BatchedAnswers(model).answer(None, Rationale.NEVER))
    assert model.asked == 2


@pytest.mark.parametrize("kind", [WorkerLost, UnparseableAnswer])
def test_what_the_model_raises_is_raised(kind: type[AssayError]) -> None:
    class Orphaned(Breaking):
        async def verdicts(self, parcels: list[Any]) -> list[Parcel]:
            return [Parcel(kind("the model's server does not answer")) for _ in parcels]

    with pytest.raises(kind, match="does not answer"):
        asyncio.run(BatchedAnswers(Orphaned(0)).answer(None, Rationale.NEVER))
