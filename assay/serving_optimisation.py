"""From a model and labelled images to its serving plan on this machine; goes on after a kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from assay import hardware, model_registry, serving_plan
from assay.dataset import Dataset
from assay.fingerprints import content_hash, run_key
from assay.journal import Journal
from assay.progress import Progress
from assay.serving_plan import Figures, ServingPlan, Trial
from assay.serving_questions import hold_out
from assay.serving_search import Found, OptimiseSettings, search
from assay.serving_strategies import choices, recipe_of
from assay.serving_trials import Trials
from assay.serving_worker import start_fork_server

OnTrial = Callable[[Trial], None]
"""Hears each trial as it ends, and those that an earlier run has kept."""

_GOOD_BATCH = 0.9
"""Of the best rate: smaller batches that reach as much are preferred too."""


def optimise(
    model: Path,
    dataset: Dataset,
    settings: OptimiseSettings,
    root: Path,
    progress: Progress,
    on_trial: OnTrial,
) -> ServingPlan:
    """Try every way to serve ``model`` and write down the best; trials are kept below ``root``.

    A run that was killed goes on after its last trial; one that came to its end measures anew.
    Raises `DataError` without images that the model has not seen, `WorkerLost` where the model
    cannot be measured at all, and `StorageError` while another run tries the same.
    """
    start = time.monotonic()
    work = root / _key(model, dataset, settings)
    work.mkdir(parents=True, exist_ok=True)
    start_fork_server(work / "imports.log")  # before evidence starts one that imports less
    asked = settings.images_per_class, settings.seed, work / "held_out.parquet", progress
    held_out = hold_out(model, dataset, *asked)
    with (
        Journal.beside(work / "trials", {}) as journal,
        Trials(model, held_out, settings, work) as trials,
    ):
        kept = _Kept(trials, journal, settings, progress, on_trial)
        found = search(kept.measure, settings, kept.choices)
        plan = _plan(model, dataset, settings, found, time.monotonic() - start)
        journal.remove()
    return plan


class _Kept:
    """Trials that are measured once: what a journal holds is taken from there."""

    def __init__(
        self,
        trials: Trials,
        journal: Journal,
        settings: OptimiseSettings,
        progress: Progress,
        on_trial: OnTrial,
    ) -> None:
        self.choices = choices() if settings.strategies is None else settings.strategies
        self._trials, self._journal = trials, journal
        self._known = {row["key"]: row["trial"] for row in journal.rows()}
        self._progress, self._on_trial = progress, on_trial
        self._total = 1 + len(self.choices) + settings.together + 1
        self._done = 0

    def measure(self, choices: tuple[str, ...], whole: bool) -> Trial:
        """An `assay.serving_search.Measure`."""
        key = f"{' '.join(choices)} {'whole' if whole else 'model'}"
        if key in self._known:
            trial = Trial.model_validate_json(self._known[key])
        else:
            self._progress(self._done, self._total, f"trying ways to serve ({' + '.join(choices)})")
            trial = self._trials.measure(choices, whole)
            self._journal.append([{"key": key, "trial": trial.model_dump_json()}])
        self._done += 1
        self._progress(self._done, self._total, f"trying ways to serve ({trial.name})")
        self._on_trial(trial)
        return trial


def preferred_batches(figures: Figures, at_most: int) -> tuple[int, ...]:
    """Batch sizes up to ``at_most`` that come near the best rate, ascending."""
    rates = {size: rate for size, rate in figures.throughput.items() if size <= at_most}
    return tuple(n for n, rate in rates.items() if rate >= _GOOD_BATCH * max(rates.values()))


def _key(model: Path, dataset: Dataset, settings: OptimiseSettings) -> str:
    machine = json.dumps([hardware.describe(), serving_plan.library_versions()])
    return run_key("optimise", content_hash(model), dataset.version, settings, machine)


def _plan(
    model: Path, dataset: Dataset, settings: OptimiseSettings, found: Found, seconds: float
) -> ServingPlan:
    described, best = model_registry.describe(model), found.best
    assert best.figures is not None  # noqa: S101 (a search chooses what was measured)
    return ServingPlan(
        model_version=described.version or described.name,
        model_content=described.content,
        dataset_version=dataset.version,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        hardware=hardware.describe(),
        versions=serving_plan.library_versions(),
        objective=settings.objective.value,
        limits=settings.limits.as_dict(),
        choices=best.choices,
        reasons=found.reasons,
        preferred_batch_sizes=preferred_batches(best.figures, recipe_of(best.choices).batch_size),
        baseline=found.baseline,
        figures=best.figures,
        trials=found.trials,
        seconds=seconds,
    )
