"""Images decoded and measured in processes of their own, while a server goes on answering.

Work goes to the next free process, first come, first served. Every process stands alone: an image
that kills one costs its own request and nobody else's (docs/decisions/0063-evidence-pool.md).
"""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path
from queue import SimpleQueue
from typing import Self, TypeVar, TypeVarTuple

import numpy as np

from assay import images, intake, stability
from assay.errors import WorkerLost
from assay.intake import Prepared
from assay.parallel import cores, on_one_thread, prepare_worker, worker_context
from assay.questions import Question
from assay.serving_recipe import DEFAULT, ServingRecipe

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

TIME_LIMIT = 300.0
"""Seconds after which a process that still works on one image is given up, where nobody says
otherwise; the largest that the decoder admits can take more than one minute."""
_PRELOADED = (__name__, "torch", "transformers.processing_utils")
"""Seconds of imports, once in the fork server instead of in each process."""


def start_importing() -> None:
    """Begin the imports of all pools to come, in the background, well before there is one."""
    worker_context(*_PRELOADED)


class EvidencePool:
    """Processes that prepare questions for the model in a folder, to be asked as a recipe says.

    There are ``workers`` of them; None for as many as the recipe says, or else one a core.
    Futures can be cancelled while their work waits. A process that is killed, or works for longer
    than ``time_limit`` seconds, is replaced; only the request that it was working on fails, with
    `WorkerLost`. Processes start with `warm_up`, or else with the first requests.
    """

    def __init__(
        self,
        model: Path,
        workers: int | None = None,
        time_limit: float = TIME_LIMIT,
        recipe: ServingRecipe = DEFAULT,
    ) -> None:
        count = workers or recipe.evidence_workers or cores()
        self.size = count
        """How many processes there are."""
        self._model, self._recipe = model, recipe
        context = worker_context(*_PRELOADED)
        self._workers = [_Worker(context, model, time_limit, recipe) for _ in range(count)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        # As many threads as processes: their queue is the queue for a process.
        self._threads = ThreadPoolExecutor(count, "evidence")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, data: bytes) -> Future[Prepared]:
        """Have encoded image ``data`` decoded and measured.

        The future raises `UnreadableImage`, `ImageTooLarge`, `WorkerLost`, or `CheckpointMismatch`
        where the model folder cannot be used.
        """
        return self._threads.submit(self._prepare, data)

    def submit_perturbed(self, data: bytes, name: str, key: str) -> Future[Question]:
        """Have image ``data`` measured after a perturbation, as `assay.stability.prepare` says.

        The future raises as that of `submit`.
        """
        return self.run(stability.prepare, self._model, data, name, key, self._recipe)

    def run(self, function: Callable[[*Ts], R], *arguments: *Ts) -> Future[R]:
        """Call another module-level ``function`` in the next free process.

        The future raises what ``function`` raises, or `WorkerLost`. What cannot be pickled is
        refused here, with the error of `pickle`; after `close` everything is, with RuntimeError.
        """
        work = partial(function, *arguments)
        pickle.dumps(work)  # inside a process pool it would fail in a thread, see assay.parallel
        return self._threads.submit(self._call, work)

    def warm_up(self) -> None:
        """Start every process and wait until each has measured an image; raises as `submit`."""
        workers = [self._idle.get() for _ in self._workers]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.call(partial(_open, self._model, self._recipe))
        finally:
            for worker in workers:
                self._idle.put(worker)

    def close(self) -> None:
        """Finish what has begun, cancel what waits, and end all processes."""
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def _prepare(self, data: bytes) -> Prepared:
        """On two threads while another process idles: its core is free."""
        worker = self._idle.get()
        try:
            in_two = not self._idle.empty()
            return worker.call(partial(intake.prepare, self._model, data, in_two, self._recipe))
        finally:
            self._idle.put(worker)

    def _call(self, work: Callable[[], R]) -> R:
        worker = self._idle.get()
        try:
            return worker.call(work)
        finally:
            self._idle.put(worker)


class _Worker:
    """A process, and another one when it dies; used by one thread at a time."""

    def __init__(
        self, context: BaseContext, model: Path, time_limit: float, recipe: ServingRecipe
    ) -> None:
        self._context, self._model, self._time_limit = context, model, time_limit
        self._recipe = recipe
        self._process: ProcessPoolExecutor | None = None

    def start(self) -> ProcessPoolExecutor:
        """The process, which loads whatever it needs ahead of its first call."""
        if self._process is None:
            self._process = ProcessPoolExecutor(1, self._context, prepare_worker)
            self._process.submit(on_one_thread, _open, self._model, self._recipe)
        return self._process

    def call(self, work: Callable[[], R]) -> R:
        """The result of ``work``; raises `WorkerLost` when the process died over it."""
        try:
            return self._begun(work).result()
        except BrokenProcessPool as error:
            self.close()
            self.start()
            raise WorkerLost(
                "a process that worked on an image was killed, for want of memory or because it "
                f"took more than {self._time_limit:g} s; try a smaller image"
            ) from error

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.shutdown()
            self._process = None

    def _begun(self, work: Callable[[], R]) -> Future[R]:
        try:
            return self.start().submit(_within, self._time_limit, work)
        except BrokenProcessPool:  # it died between two calls, which is the fault of neither
            self.close()
            return self.start().submit(_within, self._time_limit, work)


def _open(model: Path, recipe: ServingRecipe) -> None:
    """Load everything that measuring an image takes."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    intake.prepare(model, images.encode_jpeg(noise, 90), recipe=recipe)


def _within(seconds: float, work: Callable[[], R]) -> R:
    # Nobody handles the signal, so that it ends the process, even one that is stuck in native code.
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return on_one_thread(work)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
