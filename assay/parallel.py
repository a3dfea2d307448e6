"""Work over all cores: one process a core, one thread a process, few items in flight.

Processes are spawned, never forked, so that no library's threads or locks are inherited half-way.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

ITEMS_IN_FLIGHT = 2
"""Items a worker has before it, one of them in work; bounds memory and hides the hand-over."""


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[T], R], items: Iterable[T], workers: int | None = None
) -> Iterator[R]:
    """Yield ``function(item)`` for each item, in order, from ``workers`` processes (None: `cores`).

    ``function`` is a module-level function; items and results are pickled. ``items`` is drawn
    lazily, `ITEMS_IN_FLIGHT` a worker. With one worker everything runs in this process. What
    ``function`` raises is raised here, after the work already begun has ended; so is Ctrl-C.
    """
    workers = workers or cores()
    if workers == 1:
        yield from map(function, items)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare_worker)
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= workers * ITEMS_IN_FLIGHT:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_worker() -> None:
    """One thread; Ctrl-C is the parent's to handle, and a worker never outlives its parent."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when numpy and pyarrow are imported, after this
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    # A parent that was killed cannot tell its workers, which would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
