from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import aiohttp
import numpy as np
import pytest

from assay.detector import Rationale
from assay.errors import WorkerLost
from assay.questions import Question
from bento.batched_answers import BatchedAnswers

QUESTION = Question(np.zeros((8, 8, 3), np.uint8), [1], (), "jpeg")


async def _serve_one(hang_up: Callable[..., Coroutine[Any, Any, None]]) -> None:
    """Ask a model whose process ends over the question."""
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()

    async def ask(_: object) -> list[Any]:
        async with aiohttp.ClientSession() as client, client.post(f"http://{host}:{port}") as it:
            return [await it.text()]

    model = SimpleNamespace(to_async=SimpleNamespace(verdicts=ask, reasoned=ask))
    async with server:
        await BatchedAnswers(model).answer(QUESTION, Rationale.NEVER)


def test_model_that_is_killed_over_a_question_asks_for_another_try() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    with pytest.raises(WorkerLost, match="retry"):
        asyncio.run(_serve_one(hang_up))
