"""What a running service does beside answering: warm up, deliver, tidy, work through jobs."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import numpy as np
from fastapi import FastAPI
from PIL import Image

from assay.errors import AssayError, StorageError
from bento import draining, job_files, metrics
from bento.job_runner import JobRunner
from bento.runtime import Runtime
from bento.webhook_sender import WebhookSender

_TIDY_EVERY, _ESTIMATE_EVERY, _CATCH_UP_EVERY, _REFRESH_EVERY = 3600.0, 600.0, 60.0, 15.0
_STORE_REFUSALS_EVERY = 30.0
_LOOK_FOR_JOBS_EVERY, _SEND_EVERY = 0.5, 1.0
_THREADS = 6
"""One for each chore, so that a slow receiver of webhooks holds up none of the others."""
_GRACE = 5.0
"""Seconds beyond the deadline of an image that leaving may take, and that storing may take."""
_AGAIN_AFTER = 5.0
"""Seconds between tries of what failed."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Keep the background work going while ``app`` serves, and close its runtime at the end."""
    here: Runtime = app.state.runtime
    threads = ThreadPoolExecutor(_THREADS, "background")
    work = [
        _until_it_works(lambda: _warm_up(here)),
        _keep_up(here),
        *(_repeated(partial(_in_thread, threads, do), every) for do, every in _chores(here)),
    ]
    if here.settings.jobs:
        work.append(_repeated(JobRunner(here).work, _LOOK_FOR_JOBS_EVERY))
    with draining.draining(app.state.door, here.settings.deadline + _GRACE):
        tasks = [asyncio.create_task(one) for one in work]
        for task in tasks:
            task.add_done_callback(_say_why)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(threads.shutdown)  # what they are at needs the store
            await _store_the_rest(here)
            here.close()


def _chores(here: Runtime) -> list[tuple[Callable[[], object], float]]:
    """What is done over and over, and the seconds between."""
    chores: list[tuple[Callable[[], object], float]] = [
        (partial(_tidy, here), _TIDY_EVERY),
        (lambda: metrics.refresh(here.store, datetime.now(UTC)), _REFRESH_EVERY),
        (partial(here.engine.refused.store, here.store), _STORE_REFUSALS_EVERY),
        (lambda: metrics.refresh_estimates(here.store, datetime.now(UTC)), _ESTIMATE_EVERY),
    ]
    if here.engine.known is not None:
        chores.append((here.engine.known.refresh, _REFRESH_EVERY))
    if here.webhooks is not None:
        chores.append((partial(_send, here, here.webhooks), _SEND_EVERY))
    return chores


def _send(here: Runtime, webhooks: WebhookSender) -> None:
    if not here.settings.on_standby:
        webhooks.send_due()


def _tidy(here: Runtime) -> None:
    here.store.retention.tidy()
    job_files.tidy(here.store, here.settings.job_days)


def _say_why(task: asyncio.Task[None]) -> None:
    """Say at once what ended background work by surprise: nobody waits for it."""
    if not task.cancelled() and (error := task.exception()):
        logger.error("background work ended", exc_info=error)


async def _in_thread(threads: Executor, chore: Callable[[], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(threads, chore)


async def _store_the_rest(here: Runtime) -> None:
    """Store all, so that this machine can go; captures that take too long wait on its disk."""
    try:
        async with asyncio.timeout(_GRACE):
            await asyncio.to_thread(here.store.drainer.drain)
            await asyncio.to_thread(here.engine.refused.store, here.store)
    except (StorageError, TimeoutError) as error:
        logger.warning("captures wait in the spool for the next start: %s", error)


async def _until_it_works(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await work()
        except AssayError as error:
            logger.warning("not ready yet: %s", error)
        await asyncio.sleep(_AGAIN_AFTER)


async def _warm_up(here: Runtime) -> None:
    await asyncio.to_thread(here.engine.pool.warm_up)
    await here.engine.warm_up(warm_up_image())


async def _keep_up(here: Runtime) -> None:
    """Know which images were seen before, also by other machines."""

    async def catch_up() -> None:
        await asyncio.to_thread(here.engine.relatives.catch_up, datetime.now(UTC))

    await _until_it_works(catch_up)
    await _repeated(catch_up, _CATCH_UP_EVERY)


async def _repeated(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        try:
            await work()
        except AssayError as error:
            logger.warning("put off: %s", error)
        await asyncio.sleep(seconds)


def warm_up_image() -> bytes:
    """A small JPEG with something to measure in it."""
    noise = np.random.default_rng(0).integers(0, 256, (192, 256, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((384, 256)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
