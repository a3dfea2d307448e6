"""What a training says of itself while it runs: its curves, its pace, its checkpoints.

Curves are named so that a stranger understands them and a tracking server groups them:

    train/loss  train/learning_rate  train/gradient_norm  train/epoch
    train/images_per_second   since the last report, evaluations left out
    train/eta_seconds         until the last step, with the evaluations before it; stopping early
                              makes it less
    train/seconds             of the whole training, at its end; with those before a restart
    validation/auc  validation/log_loss  validation/accuracy  validation/loss
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.progress import Progress

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from assay.watching import OnAnswers, Watcher

logger = logging.getLogger(__name__)

OnMetrics = Callable[[int, dict[str, float]], None]
"""Called with (optimizer step, metrics) whenever the trainer logs."""

NAMES = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/gradient_norm",
    "epoch": "train/epoch",
    "eval_auc": "validation/auc",
    "eval_log_loss": "validation/log_loss",
    "eval_accuracy": "validation/accuracy",
    "eval_loss": "validation/loss",
}
"""The trainer's names and ours; what is not among them is not passed on."""

_WHOLE = "whole"
"""A file inside a checkpoint that says that it was written to the end, and after how many seconds
of training."""


class Pace:
    """How fast a training goes and how long it will take, counted from where it began or resumed.

    Pauses (evaluations, checkpoints) are no part of the speed, but of what is still to come.
    """

    def __init__(
        self,
        done: int,
        total: int,
        pause_every: int,
        before: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._done = self._first = done
        self._total, self._pause_every = total, pause_every
        self._mark = self._began = clock()
        self._before = before
        self._stepping = self._pausing = 0.0
        self._pauses = 0
        self._reported = (done, 0.0)

    def step(self) -> None:
        """Another step has ended."""
        self._done += 1
        self._stepping += self._lap()

    def pause(self) -> None:
        """What interrupted the steps, since the last one, has ended."""
        self._pausing += self._lap()
        self._pauses = self._pauses_before(self._done) - self._pauses_before(self._first)

    def steps_per_second(self) -> float:
        """Over the steps since this was last asked; 0 where there were none."""
        steps, seconds = self._done - self._reported[0], self._stepping - self._reported[1]
        self._reported = self._done, self._stepping
        return steps / seconds if steps and seconds > 0 else 0.0

    def eta(self) -> float:
        """Seconds until the last step, as steps and pauses have been so far."""
        a_step = self._stepping / max(1, self._done - self._first)
        a_pause = self._pausing / max(1, self._pauses)
        pauses = self._pauses_before(self._total) - self._pauses_before(self._done)
        return a_step * (self._total - self._done) + a_pause * pauses

    def seconds(self) -> float:
        """Of the whole training until now, with those before it was resumed."""
        return self._before + self._clock() - self._began

    def _pauses_before(self, step: int) -> int:
        return step // self._pause_every

    def _lap(self) -> float:
        since, self._mark = self._mark, self._clock()
        return self._mark - since


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of a training; answers are only asked for where somebody listens."""

    progress: Progress
    on_metrics: OnMetrics
    on_answers: OnAnswers | None = None


class _Reporter:
    """The hooks of a ``TrainerCallback``, apart from it so that importing this loads no torch."""

    def __init__(self, listeners: Listeners, watcher: Watcher | None, what: str) -> None:
        self._listeners, self._watcher, self._what = listeners, watcher, what
        self._pace: Pace

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        before = _seconds_at(_checkpoint(args, state))
        self._pace = Pace(state.global_step, state.max_steps, int(state.eval_steps), before)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._pace.step()
        self._listeners.progress(state.global_step, state.max_steps, self._what)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        metrics = named(logs or {})
        if "train/loss" in metrics:
            rows = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
            metrics["train/images_per_second"] = rows * self._pace.steps_per_second()
            metrics["train/eta_seconds"] = self._pace.eta()
        self._listeners.on_metrics(state.global_step, metrics)

    def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self._watcher and self._listeners.on_answers:
            self._listeners.on_answers(state.global_step, self._watcher.ask(model))
        self._pace.pause()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        marker = _checkpoint(args, state) / _WHOLE
        marker.write_text(f"{self._pace.seconds():.1f}", encoding="utf-8")
        self._pace.pause()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._listeners.progress(state.max_steps, state.max_steps, self._what)
        self._listeners.on_metrics(state.global_step, {"train/seconds": self._pace.seconds()})


def reporter(listeners: Listeners, watcher: Watcher | None, what: str) -> TrainerCallback:
    """The trainer's callback that tells ``listeners``, and marks checkpoints that are whole.

    ``what`` names the work in the progress; ``watcher`` answers at each evaluation.
    """
    from transformers import TrainerCallback

    class Reporter(_Reporter, TrainerCallback):
        """Both at once."""

    return Reporter(listeners, watcher, what)


def named(logs: Mapping[str, Any]) -> dict[str, float]:
    """The trainer's ``logs`` under our names, those that have one."""
    return {NAMES[name]: float(value) for name, value in logs.items() if name in NAMES}


def last_whole_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that a kill did not cut short."""
    whole = [marker.parent for marker in folder.glob(f"checkpoint-*/{_WHOLE}")]
    newest = max(whole, key=lambda path: int(path.name.split("-")[1]), default=None)
    if newest:
        logger.info("resuming from %s", newest)
    return str(newest) if newest else None


def _checkpoint(args: Any, state: Any) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}"


def _seconds_at(checkpoint: Path) -> float:
    """Seconds of training behind ``checkpoint``; none where there is no such checkpoint."""
    marker = checkpoint / _WHOLE
    return float(marker.read_text(encoding="utf-8")) if marker.is_file() else 0.0
