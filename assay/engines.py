"""Where the stages of a data build run: processes of this machine, or Ray Data on one or many.

    with running(Engine.RAY, workers=None, folder=path) as each:
        for result in each(function, items): ...

Results come in the order of the items from either engine. On a cluster (``RAY_ADDRESS``) the items
are drawn on this machine and the work is done wherever there is room, so every machine has to see
the folder that files are kept in, under the same path, and run the same code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from assay import ray_engine
from assay.parallel import parallel_map

T = TypeVar("T")
R = TypeVar("R")


class Engine(StrEnum):
    """What runs the stages that read, check and measure images."""

    PROCESSES = "processes"
    """One process a core of this machine."""
    RAY = "ray"
    """Ray Data: on this machine, or on the cluster at ``RAY_ADDRESS``."""


class Each(Protocol):
    """Applies a function to items and yields the results in order, a bounded number in work."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Yield ``function(item)`` for each; what it raises is raised here.

        ``function`` is a module-level function or a partial of one. ``items`` can be sent, too: an
        object that can be iterated over anew elsewhere, no generator.
        """


@contextmanager
def running(engine: Engine, workers: int | None, folder: Path) -> Iterator[Each]:
    """The engine at work on files in ``folder``; ``workers`` None means all that there is.

    Ray is started where it does not run, and is stopped at the end only then. Raises
    `SourceUnavailable` where a cluster does not answer, `StorageError` where one of its machines
    does not see ``folder`` or runs other code, and `WorkerLost` for work that is killed each time.
    """
    if engine is Engine.PROCESSES:
        yield partial(parallel_map, workers=workers)
        return
    if address := os.environ.get(ray_engine.ADDRESS_VARIABLE, ""):
        ray_engine.check_answers(address)
    with ray_engine.started(workers):
        if address:
            ray_engine.check_machines(folder)
        yield partial(ray_engine.mapped, workers)
