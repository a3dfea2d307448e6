"""Leave one dataset out: fit everything without a dataset, then judge on all of its images.

The honest answer to "how good is it on other people's images": null rates, warm-up, adapter,
fusion, calibration and review band are fitted anew for each fold, by the functions that training
uses. These keep their work in folders keyed by code, data and settings, so a run that was killed
goes on in the fold where it stopped (decision 0045).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay import bundle, evaluation, training
from assay.calibration import Calibration
from assay.dataset import MANIFEST, Dataset
from assay.dataset_builder import finish
from assay.dataset_plan import SHARD_BYTES, SHARD_ROWS
from assay.dataset_shards import write_rows
from assay.detector import Detector
from assay.errors import ConfigError, DataError, did_you_mean
from assay.evaluation import Evaluation, EvaluationSettings, Fold
from assay.fingerprints import run_key
from assay.images import Variant
from assay.model_folder import CALIBRATION_FILE
from assay.predictions import positive, predict_test, score
from assay.progress import Progress
from assay.records import Label, Rejected, Sample, Split
from assay.review import ReviewSettings, check
from assay.sample_shards import to_row
from assay.training import BaseSettings, TrainingSettings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

logger = logging.getLogger(__name__)

_FITTED = (Split.TRAIN, Split.VALIDATION)
_PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """By what each fold is fitted and judged: the settings of a training, and of an evaluation."""

    base: BaseSettings
    training: TrainingSettings
    review: ReviewSettings
    evaluation: EvaluationSettings


def folds(dataset: Dataset, together: Sequence[Sequence[str]] = ()) -> dict[str, tuple[str, ...]]:
    """The datasets that are left out at a time, by the name of the fold, sorted.

    Only what holds authentic and other images can be judged, so a dataset of one class is no fold;
    ``together`` names datasets that count as one, such as portraits and what imitates them. Raises
    `ConfigError` for an unknown name and `DataError` where there is nothing to leave out.
    """
    labels = _labels(dataset)
    for name in (name for names in together for name in names):
        if name not in labels:
            known = ", ".join(sorted(labels))
            hint = did_you_mean(name, labels) or f"; known: {known}"
            raise ConfigError(f"evaluation.same_dataset: no dataset is called {name!r}{hint}")
    joined = {name for names in together for name in names}
    candidates = [tuple(names) for names in together]
    candidates += [(name,) for name in labels if name not in joined]
    found = {
        " + ".join(names): names
        for names in candidates
        if len(set().union(*(labels[name] for name in names))) == 2
    }
    if not found or len(candidates) < 2:
        raise DataError(
            "leave-one-dataset-out needs at least two datasets, one of them with authentic and "
            f"other images; here are {', '.join(sorted(labels))}: give rows a column dataset"
        )
    return dict(sorted(found.items()))


def leave_out(dataset: Dataset, names: Collection[str], folder: Path) -> Dataset:
    """``dataset`` written to ``folder`` with the datasets ``names`` as its whole test split.

    Of the others, test rows become training rows, as nothing is tested on them here; rows of a
    group that also stands in ``names`` are rejected, so that no photograph leaks.
    """
    if not (folder / MANIFEST).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rejected: list[Rejected] = []
        digests: list[str] = []
        for index, rows in enumerate(_shards(_assigned(dataset, names, rejected))):
            digests += write_rows(folder / f"{index:05d}.parquet", rows).digests
        finish(folder, dataset.settings, digests, rejected)
    return Dataset(folder)


def judge_folds(
    dataset: Dataset,
    measurements: pa.Table,
    settings: FoldSettings,
    work: Path,
    progress: Progress,
) -> tuple[pd.DataFrame, Evaluation]:
    """Fit and judge each of `folds`; ``measurements`` (`measuring.measure_dataset`) hold all of it.

    Returns the rows of `assay.predictions.predict_test` with a column ``fold``, where ``dataset``
    is the fold's name, and the `Evaluation` of all of them, each decided at the threshold of its
    own fold. Raises as `folds` does, and `DataError` where what is left cannot be trained on.
    """
    import pandas as pd

    parts: list[pd.DataFrame] = []
    judged: list[Fold] = []
    named = folds(dataset, settings.evaluation.same_dataset)
    for number, (name, left_out) in enumerate(named.items(), 1):
        heard = _numbered(progress, f"fold {number} of {len(named)}")
        key = run_key("fold", dataset.version, name, *_parts(settings))
        rows = _judge_fold(dataset, left_out, measurements, settings, work / key, heard)
        rows = rows.assign(fold=name, dataset=name)
        parts.append(rows)
        calibration = Calibration.load(work / key / CALIBRATION_FILE)
        judged.append(_summary(name, rows, calibration))
    predictions = pd.concat(parts, ignore_index=True)
    typical = float(np.median([fold.threshold for fold in judged]))
    own = settings.evaluation
    found = evaluation.evaluate(predictions, typical, own.resamples, own.seed)
    return predictions, replace(found, folds=tuple(judged))


def _judge_fold(
    dataset: Dataset,
    left_out: Collection[str],
    measurements: pa.Table,
    settings: FoldSettings,
    run: Path,
    progress: Progress,
) -> pd.DataFrame:
    """The predictions about the left-out images, from ``run`` where they were made before."""
    import pandas as pd

    stored = run / _PREDICTIONS
    if stored.exists():
        return pd.read_parquet(stored)
    part = leave_out(dataset, left_out, run / "dataset")
    part.check_trainable(_FITTED)
    model = _fit(part, _of(part, measurements), settings, run.parent, progress)
    calibration = Calibration.load(model / CALIBRATION_FILE)
    workers = settings.evaluation.workers
    rows = predict_test(Detector.load(model), calibration, part, workers, progress)
    shutil.copy(model / CALIBRATION_FILE, run)
    unfinished = run / f".{_PREDICTIONS}"
    rows.to_parquet(unfinished)
    unfinished.rename(stored)
    shutil.rmtree(part.path)  # a copy of every image, and no one asks for it again
    return rows


def _fit(
    part: Dataset, measurements: pa.Table, settings: FoldSettings, work: Path, progress: Progress
) -> Path:
    """A calibrated model folder, made as `train` makes one."""
    base = training.warm_up_base(part, measurements, settings.base, work, progress)
    adapter = training.train_adapter(
        part, measurements, base, settings.base, settings.training, work, progress
    )
    return bundle.calibrated(adapter, part, measurements, settings.review, work, progress)


def _of(part: Dataset, measurements: pa.Table) -> pa.Table:
    """The measurements of the images that ``part`` is fitted on, each in its split there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.concat_tables([part.table(["image_id", "split"], split) for split in _FITTED])
    splits = dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    wanted = pa.array(splits, pa.string())
    own = measurements.filter(pc.is_in(measurements["image_id"], wanted))
    moved = [splits[image_id] for image_id in own["image_id"].to_pylist()]
    place = own.column_names.index("split")
    return own.set_column(place, own.schema.field(place), pa.array(moved, pa.string()))


def _summary(name: str, rows: pd.DataFrame, calibration: Calibration) -> Fold:
    """What was promised of a fold, and whether that held on the left-out images."""
    own = rows[rows["variant"] == Variant.BIAS_CONTROLLED.value]
    band, promise = (calibration.review_low, calibration.review_high), calibration.review
    of = score(own), positive(own["label"]), own["group"].to_numpy(str), band
    checks = check(*of, promise.bound) if promise else ()
    counts = len(own), own["group"].nunique()
    return Fold(name, *counts, calibration.threshold, band, promise, checks)


def _assigned(
    dataset: Dataset, names: Collection[str], rejected: list[Rejected]
) -> Iterator[Sample]:
    """Each sample in its split of the fold; those that must go are added to ``rejected``."""
    table = dataset.table(["group", "dataset"])
    pairs = zip(table["group"].to_pylist(), table["dataset"].to_pylist(), strict=True)
    held_out = {group for group, name in pairs if name in names}
    for sample in dataset.samples():
        if sample.dataset in names:
            yield replace(sample, split=Split.TEST)
        elif sample.group in held_out:
            rejected.append(
                Rejected(sample.image_id, "left out: its group stands in the left-out dataset")
            )
        elif sample.split is Split.TEST:
            yield replace(sample, split=Split.TRAIN)
        else:
            yield sample


def _shards(samples: Iterable[Sample]) -> Iterator[list[dict[str, Any]]]:
    """Consecutive rows in bounded units."""
    rows: list[dict[str, Any]] = []
    size = 0
    for sample in samples:
        rows.append(to_row(sample))
        size += len(sample.image) + len(sample.mask)
        if len(rows) == SHARD_ROWS or size >= SHARD_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _labels(dataset: Dataset) -> dict[str, set[bool]]:
    """For each dataset, which sides of the verdict it holds: True is authentic."""
    table = dataset.table(["dataset", "label"])
    sides: dict[str, set[bool]] = {}
    for name, label in zip(table["dataset"].to_pylist(), table["label"].to_pylist(), strict=True):
        sides.setdefault(name, set()).add(label == Label.AUTHENTIC.value)
    return sides


def _parts(settings: FoldSettings) -> tuple[BaseSettings | TrainingSettings | ReviewSettings, ...]:
    """What decides a fold's predictions."""
    return settings.base, settings.training, settings.review


def _numbered(progress: Progress, which: str) -> Progress:
    def numbered(done: int, total: int, what: str, /) -> None:
        progress(done, total, f"{which}: {what}")

    return numbered
