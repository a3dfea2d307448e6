"""How images that can wait take their turns: behind single requests, and without being refused.

A single request is admitted or refused at once. An image of a batch or a job goes in only while
under three quarters of the places are taken, so that single requests find room as long as there is
any; and only few go in together, because the worker processes behind the door serve first come,
first served: a single request waits behind as many of them as that, whatever a batch holds. Whoever
waits holds no place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from assay.store import Capture
from bento.admission import Admission
from bento.engine import Engine
from bento.refusals import Overloaded
from bento.submission import Submission

SHARE = 0.75
"""Of all places: from here on, what can wait does."""
AT_ONCE = 8
"""Half a batch of the model: with less it would idle, with more single requests would wait."""
_LOOK_EVERY = 0.02
"""Seconds; little beside what an image takes."""


class Turns:
    """Lets ``at_once`` images in together; lives on one event loop."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places = asyncio.Semaphore(at_once)

    async def detect(
        self,
        engine: Engine,
        read: Callable[[], Awaitable[Submission]],
        until: float | None = None,
    ) -> Capture:
        """The capture that answers what ``read`` gives, which is called when it is its turn.

        Raises `Overloaded` where no place was free before ``until`` (the loop's time, None: never),
        and what ``read`` and `Engine.detect` raise.
        """
        async with self._turn(engine.admission, until):
            submission = await read()
            async with _patience(engine.admission, until):
                await _room(engine.admission)
            # Nothing else runs between seeing room and taking it: both without a pause.
            return await engine.detect(submission)

    @asynccontextmanager
    async def _turn(self, admission: Admission, until: float | None) -> AsyncIterator[None]:
        async with _patience(admission, until):
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()


async def _room(admission: Admission) -> None:
    while admission.in_work >= SHARE * admission.limit:
        await asyncio.sleep(_LOOK_EVERY)


@asynccontextmanager
async def _patience(admission: Admission, until: float | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout_at(until):
            yield
    except TimeoutError as error:
        raise Overloaded(admission.limit, admission.retry_after) from error
