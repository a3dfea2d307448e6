"""A training as MLflow shows it while it runs: its curves, its answers, its data, its surroundings.

`training_run` opens the run; the `Recorder` that it yields listens to the training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import catalogue, hardware, parameters, picture_tables, tracking
from assay.dataset import Dataset
from assay.records import Split, sample_schema
from assay.serving_optimisation import OnTrial
from assay.serving_plan import Trial
from assay.serving_search import OptimiseSettings
from assay.tracking import DatasetUse

if TYPE_CHECKING:
    from assay.experts.photographs import Photographs
    from assay.watching import WatchedAnswer

ANSWERS = "answers.json"
"""The table of `Recorder.answers`."""
SCORES = "validation_scores"
"""The group of its curves, an image each."""


class Stage(StrEnum):
    """What a run trained."""

    WARM_UP = "warm_up"
    ADAPTER = "adapter"
    EXPERTS = "experts"
    SERVING = "serving"
    """Nothing: ways to serve it were tried."""
    MONITOR = "monitor"
    """Nothing: a window of traffic was measured."""


class Recorder:
    """Hears a training and writes it down in the run ``run_id``."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._rows: list[dict[str, Any]] = []
        self._pictures: dict[str, bytes] = {}

    def metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """An `assay.training_log.OnMetrics`."""
        tracking.log_metrics(self.run_id, step, metrics)

    def answers(self, step: int, answers: Sequence[WatchedAnswer]) -> None:
        """An `assay.watching.OnAnswers`: a curve for each image, and a table of all answers."""
        import pandas as pd

        scores = {f"{SCORES}/{answer.name}": answer.score for answer in answers}
        tracking.log_metrics(self.run_id, step, scores)
        for answer in answers:
            if answer.name not in self._pictures:
                self._pictures[answer.name] = picture_tables.thumbnail(answer.pixels)
            self._rows.append(_row(step, answer))
        # Sorted so that what the model says about one image stands together, as it changes.
        table = pd.DataFrame(self._rows).sort_values(["sample", "step"], ignore_index=True)
        pictures = [self._pictures[name] for name in table["sample"]]
        picture_tables.log(self.run_id, ANSWERS, table, pictures)


@contextmanager
def training_run(
    stage: Stage, zenml_run: str, parameters: Mapping[str, str], data: Dataset | DatasetUse
) -> Iterator[Recorder]:
    """Open the run of ``stage``, with its tags and its data; it ends as `tracking.run` does."""
    name = f"{zenml_run}-warm-up" if stage is Stage.WARM_UP else zenml_run
    use = data if isinstance(data, DatasetUse) else dataset_use(data, "training")
    tags = {
        "stage": stage.value,
        "dataset_version": use.digest,
        "zenml_run": zenml_run,
        "hardware": hardware.summary(),
    }
    with tracking.run(name, parameters, tags) as run_id:
        tracking.log_dataset(run_id, use)
        yield Recorder(run_id)


@contextmanager
def serving_run(
    zenml_run: str, settings: OptimiseSettings, dataset: Dataset
) -> Iterator[tuple[str, OnTrial]]:
    """Open the run of an optimisation; yields its id, and what puts each trial below it."""
    use = dataset_use(dataset, "held-out images", Split.TEST)
    tags = {
        "stage": Stage.SERVING.value,
        "dataset_version": dataset.version,
        "zenml_run": zenml_run,
        "hardware": hardware.summary(),
    }
    given = parameters.flatten(settings.model_dump(mode="json"))
    with tracking.run(zenml_run, given, tags) as run_id:
        tracking.log_dataset(run_id, use)
        yield run_id, partial(_log_trial, run_id)


def _log_trial(run_id: str, trial: Trial) -> None:
    measured: dict[str, Any] = trial.figures.model_dump(mode="json") if trial.figures else {}
    figures = {k: float(v) for k, v in parameters.flatten(measured).items() if v != str(None)}
    tracking.log_child(
        run_id, trial.name, {"choices": " ".join(trial.choices)}, figures, trial.reason
    )


def link_warm_up(run_id: str, warm_up_run: str) -> None:
    """Name in the adapter's run the one that warmed its base up, and how long that took.

    Nothing where there was no warm-up (``""``); of one that was tracked in another store, only its
    id.
    """
    from mlflow.exceptions import MlflowException

    if not warm_up_run:
        return
    tracking.client().set_tag(run_id, "warm_up_run", warm_up_run)
    try:
        warm_up = tracking.client().get_run(warm_up_run)
    except MlflowException:
        return
    if (seconds := warm_up.data.metrics.get("train/seconds")) is not None:
        tracking.log_metrics(run_id, 0, {"warm_up/seconds": seconds})


def dataset_use(dataset: Dataset, context: str, split: Split | None = None) -> DatasetUse:
    """``dataset``, or one split of it, with its rows by label and split, and its licences."""
    table = dataset.table(["source", "split", "label", "licence"], split).to_pandas()
    labels = {
        name: ", ".join(f"{n} {label}" for label, n in catalogue.counts(part["label"]).items())
        for name, part in table.groupby("split", sort=True)
    }
    licences = catalogue.counts(table["licence"]).items()
    source = " and ".join(sorted(set(table["source"])))
    return DatasetUse(
        name=source if split is None else f"{source}/{split}",
        digest=dataset.version,
        context=context,
        place=str(dataset.path),
        columns={field.name: str(field.type) for field in sample_schema()},
        profile={
            "rows": len(table),
            **labels,
            **{f"licence {k}": f"{n} rows" for k, n in licences},
        },
    )


def photographs_use(photographs: Photographs, folder: Path) -> DatasetUse:
    """The photographs of ``folder``, from which the experts' network learns."""
    return DatasetUse(
        name=folder.resolve().name,
        digest=photographs.content_hash[:16],
        context="training",
        place=str(folder.resolve()),
        columns={"file": "string", "image": "binary"},
        profile={"photographs": len(photographs.files), "left out": len(photographs.left_out)},
    )


def _row(step: int, answer: WatchedAnswer) -> dict[str, Any]:
    return {
        "sample": answer.name,
        "step": step,
        "score": round(answer.score, 4),
        "answer": answer.text,
        "expected": answer.expected,
        "truth": answer.truth.value,
        **{f"p_{label}": round(p, 4) for label, p in answer.probabilities.items()},
        "image_id": answer.image_id,
    }
