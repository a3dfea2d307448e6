"""One turn of the loop: each stage once, on record before and after, resumed where it stopped."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from assay import home, processes
from assay.errors import StorageError, StoreUnavailable
from assay.loop import children
from assay.loop.children import StageFailed
from assay.loop.stage import Stage
from assay.progress import Progress
from assay.store.loops import LoopRun, Loops, LoopState, StageResult

_BEAT = 30.0
"""Seconds between two signs of life."""

logger = logging.getLogger(__name__)


class Turn:
    """Carries turns of the loop out, in the name of ``who``.

    What was begun is known from the record alone, and what became of it from what its stages left
    in the store and the registry. ``begun`` hears of every attempt.
    """

    def __init__(
        self,
        record: Loops,
        stages: Sequence[Stage],
        who: str,
        attempts: int = 3,
        *,
        max_age: timedelta = timedelta(days=3),
        begun: Callable[[LoopRun, str], object] | None = None,
    ) -> None:
        self._record, self._stages, self._who = record, stages, who
        self._attempts, self._max_age, self._begun = attempts, max_age, begun

    def take(self, progress: Progress) -> LoopRun:
        """Go on with the turn that was interrupted, else take a new one, to its end.

        Raises `StorageError` while another process is at it. A stage without a result, tried as
        often as it may be, is an end like others (`LoopState.FAILED`).
        """
        run = self._record.claim(self._who, self._max_age)
        try:
            run = self._all(run, progress)
        finally:
            if run.state is LoopState.RUNNING:  # interrupted: the next may go on at once
                with contextlib.suppress(StorageError):  # what it left for is what counts
                    self._record.release(run.id)
        return run

    def _all(self, run: LoopRun, progress: Progress) -> LoopRun:
        for number, stage in enumerate(self._stages):
            progress(number, len(self._stages), stage.name)
            if _is_to_do(run, stage):
                try:
                    run = self._done(run, stage)
                except StageFailed as error:
                    return self._record.end(run.id, LoopState.FAILED, f"{stage.name}: {error}")
            if run.state is not LoopState.RUNNING:
                return run
        progress(len(self._stages), len(self._stages), "done")
        return self._record.end(run.id, LoopState.COMPLETED, _last(run))

    def _done(self, run: LoopRun, stage: Stage) -> LoopRun:
        """Take ``stage`` to its result; what a killed loop left of it is not begun again."""
        if run.stage(stage.name) is not None:
            self._wait_for_orphan(run, stage)
            if (left := stage.result(run)) is not None:
                return self._finished(run, stage, left)
        words = "it was interrupted each time"
        while _attempts(run, stage) < self._attempts:
            run = self._record.begin(run.id, stage.name)
            if self._begun is not None:
                self._begun(run, stage.name)
            found, words = self._tried(run, stage)
            if found is not None:
                return self._finished(run, stage, found)
        raise StageFailed(f"no result after {self._attempts} attempts; {words}")

    def _finished(self, run: LoopRun, stage: Stage, result: StageResult) -> LoopRun:
        stage.settle(run, result)
        return self._record.finish(run.id, stage.name, result)

    def _tried(self, run: LoopRun, stage: Stage) -> tuple[StageResult | None, str]:
        """The result of one attempt, and its last words."""
        name = attempt_name(run, stage.name)
        log = home.folder("logs") / f"{name}.output.log"
        beat = _Beat(self._record, run.id)
        status = children.run(stage.command(run, name), log, stage.seconds, beat)
        words = f"status {status}: {children.last_words(log)} (log: {log})"
        found = stage.result(run)
        if found is None:
            logger.warning("%s: %s", name, words)
        return found, words

    def _wait_for_orphan(self, run: LoopRun, stage: Stage) -> None:
        """Whoever was killed may have left the process of the stage at its work."""
        left = processes.called(attempt_name(run, stage.name))
        if left:
            logger.info("%s is still at work; the loop waits for it", attempt_name(run, stage.name))
        children.wait(left, stage.seconds, _Beat(self._record, run.id))


class _Beat:
    """Tells the record now and then that this process lives."""

    def __init__(self, record: Loops, run_id: str) -> None:
        self._record, self._run_id, self._told = record, run_id, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._told < _BEAT:
            return
        self._told = time.monotonic()
        try:
            self._record.keep(self._run_id)
        except StoreUnavailable as error:  # the work goes on; what comes of it is noted later
            logger.warning("%s", error)


def attempt_name(run: LoopRun, stage: str) -> str:
    """What the newest attempt at ``stage`` is called, its ZenML and MLflow runs too."""
    begun = run.stage(stage)
    return f"{run.label}-{stage}-{begun.attempts if begun else 0}"


def _attempts(run: LoopRun, stage: Stage) -> int:
    begun = run.stage(stage.name)
    return begun.attempts if begun else 0


def _is_to_do(run: LoopRun, stage: Stage) -> bool:
    begun = run.stage(stage.name)
    return stage.is_needed(run) if begun is None else begun.ended_at is None


def _last(run: LoopRun) -> str:
    return next((one.summary for one in reversed(run.stages) if one.summary), "nothing to do")
