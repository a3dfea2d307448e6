"""From bytes to verdict as the service does it: evidence in its processes, the model in another."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self

from assay.evidence_pool import EvidencePool
from assay.intake import Prepared
from assay.questions import Question
from assay.serving_worker import Holders, ModelProcess


class Line:
    """Processes that measure, and processes that hold the model, joined by a queue."""

    def __init__(self, model: Path, holders: Holders) -> None:
        self._holders = holders
        self._pool = EvidencePool(model, recipe=holders.recipe)
        self._pool.warm_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that measure."""
        self._pool.close()

    def rate(self, files: Sequence[bytes]) -> float:
        """Images a second of all ``files`` at once, as under load; raises as `ModelProcess`."""
        start = time.perf_counter()
        measured = self._submitted(files)
        busy: deque[ModelProcess] = deque()
        processes = cycle(self._holders.processes)
        left = len(files)
        while left:
            batch = self._ready(measured)
            left -= len(batch)
            process = next(processes)
            if process in busy:
                busy.remove(process)
                process.result()
            process.begin("answer", batch, self._holders.recipe.batch_size)
            busy.append(process)
        for process in busy:
            process.result()
        return len(files) / (time.perf_counter() - start)

    def _submitted(self, files: Sequence[bytes]) -> SimpleQueue[Future[Prepared]]:
        """A queue into which each image comes as it is measured."""
        done: SimpleQueue[Future[Prepared]] = SimpleQueue()
        for data in files:
            self._pool.submit(data).add_done_callback(done.put)
        return done

    def _ready(self, measured: SimpleQueue[Future[Prepared]]) -> list[Question]:
        """The next question, and all that are ready too, as far as a batch holds them."""
        batch = [measured.get()]
        with suppress(Empty):
            while len(batch) < self._holders.recipe.batch_size:
                batch.append(measured.get_nowait())
        # Findings hold heatmaps, and whoever is asked for words does not look at them.
        return [replace(future.result().question, findings=()) for future in batch]
