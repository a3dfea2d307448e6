"""What a running service does beside answering: warm up, deliver, tidy, work through jobs."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import numpy as np
from fastapi import FastAPI
from PIL import Image

from assay.errors import AssayError
from bento import job_files
from bento.job_runner import JobRunner
from bento.runtime import Runtime

_TIDY_EVERY = 3600.0
_LOOK_FOR_JOBS_EVERY = 0.5
_AGAIN_AFTER = 5.0
"""Seconds between tries of what failed."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Keep the background work going while ``app`` serves, and close its runtime at the end."""
    here: Runtime = app.state.runtime
    work = (
        _warm_up(here),
        _repeated(lambda: asyncio.to_thread(_tidy, here), _TIDY_EVERY),
        _repeated(JobRunner(here).work, _LOOK_FOR_JOBS_EVERY),
    )
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        here.close()


async def _warm_up(here: Runtime) -> None:
    """Until it works: know what is stored, and answer one image."""
    while True:
        try:
            await asyncio.to_thread(here.engine.relatives.read_store, datetime.now(UTC))
            await asyncio.to_thread(here.engine.pool.warm_up)
            await here.engine.warm_up(warm_up_image())
        except AssayError as error:
            logger.warning("not ready yet: %s", error)
            await asyncio.sleep(_AGAIN_AFTER)
        else:
            return


async def _repeated(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        try:
            await work()
        except AssayError as error:
            logger.warning("put off: %s", error)
        await asyncio.sleep(seconds)


def _tidy(here: Runtime) -> None:
    here.store.retention.tidy()
    job_files.tidy(here.store, here.settings.job_days)


def warm_up_image() -> bytes:
    """A small JPEG with something to measure in it."""
    noise = np.random.default_rng(0).integers(0, 256, (192, 256, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((384, 256)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
