"""Work over all cores: one process a core, one thread a process, few items in flight.

Workers are forked from a server process that has imported the work and nothing else: no library's
threads or locks are inherited half-way, and starting a worker takes milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from itertools import chain, islice
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from assay.errors import WorkerLost

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")

ITEMS_IN_FLIGHT = 2
"""Items a worker has before it, one of them in work; bounds memory and hides the hand-over."""

PRELOADED = ("pyarrow.parquet", "pandas")
"""Imported once in the fork server: work imports pyarrow when it runs, and that imports pandas."""


def cores() -> int:
    """The number of cores that this process may use, by affinity and by a container's quota."""
    import joblib

    return int(joblib.cpu_count())


def parallel_map(
    function: Callable[[T], R], items: Iterable[T], workers: int | None = None
) -> Iterator[R]:
    """Yield ``function(item)`` for each item, in order, from ``workers`` processes (None: `cores`).

    ``function`` is a module-level function or a partial of one; it, items and results are pickled.
    ``items`` is drawn lazily, `ITEMS_IN_FLIGHT` a worker. With one worker everything runs in this
    process. What ``function`` raises is raised here, after the work already begun has ended; so is
    Ctrl-C. Raises `WorkerLost` where a process was killed.
    """
    workers = workers or cores()
    if workers == 1:
        for item in items:
            yield on_one_thread(function, item)
        return
    # What cannot be sent fails here: inside the pool it would fail in a thread, and CPython 3.11
    # then waits for ever when the pool is shut down.
    pickle.dumps(function)
    work = getattr(function, "func", function)  # what a partial calls
    pool = ProcessPoolExecutor(workers, worker_context(work.__module__, *PRELOADED), prepare_worker)
    pending: deque[Future[R]] = deque()
    rest = iter(items)
    first = list(islice(rest, workers * ITEMS_IN_FLIGHT))  # drawn while the fork server starts
    try:
        for item in chain(first, rest):
            pending.append(pool.submit(on_one_thread, function, item))
            if len(pending) >= workers * ITEMS_IN_FLIGHT:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise WorkerLost(
            "a process that worked on images was killed, most likely for want of memory; "
            "try again with fewer workers or smaller images"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def on_one_thread(function: Callable[[*Ts], R], *arguments: *Ts) -> R:
    """Call ``function`` without threads: sums over several BLAS threads round differently.

    Results would depend on the cores, and processes would get in each other's way.
    """
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with _thread_pools(len(sys.modules)).limit(limits=1):
            return function(*arguments)
    finally:
        cv2.setNumThreads(threads)


@lru_cache(maxsize=1)
def _thread_pools(_modules: int) -> ThreadpoolController:
    """The native libraries with threads of their own; sought again as modules are imported."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def worker_context(*modules: str) -> BaseContext:
    """The fork server, or plain spawning where the system cannot fork.

    The server imports ``modules``, unless it has been running already. It and its processes leave
    with this one, not by SIGTERM, which supervisors send to a whole tree: they may be at work on
    what this process has still to finish.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    resource_tracker.ensure_running()  # started by the next line, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # is inherited
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def prepare_worker() -> None:
    """Ctrl-C is the parent's to handle, and a worker never outlives its parent."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are imported later
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    # A parent that was killed cannot tell its workers, which would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
