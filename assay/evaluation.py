"""How good a model is, and on what: predictions on a split, metrics with intervals, per slice.

`judge` is the whole of it. Every slice is measured `as_is` and `bias_controlled`, and beside each
score stands that of a baseline that sees only metadata. Images of a photograph that the model was
fitted on are predicted, marked as seen, and never measured.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from pydantic import Field, TypeAdapter

from assay.baseline import MetadataBaseline, features
from assay.errors import DataError
from assay.images import Variant, photo_of
from assay.manipulations import is_material
from assay.metrics import Bootstrap, Metric, measure
from assay.progress import Progress
from assay.records import Label, Photo, Sample, Split, Verdict
from assay.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

logger = logging.getLogger(__name__)

_HEADLINE = ("auc", "average_precision", "balanced_accuracy", "tpr_at_5_fpr", "ece")


class EvaluationSettings(Settings):
    """How a model is judged."""

    resamples: int = Field(500, ge=1)
    """Bootstrap resamples behind each interval."""
    seed: int = 0
    workers: int | None = Field(None, ge=1)
    """Processes that read the baseline's training images; None takes one a core."""


class DetectsPhotos(Protocol):
    """Whatever answers about photos; `assay.detector.Detector` in production."""

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        """One verdict a photo, in order."""

    def has_seen(self, group: str) -> bool:
        """Whether the model was fitted, or calibrated, on images of ``group``."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The metrics of one part of the test images."""

    variant: Variant
    by: str
    """What the part was cut by: all, manipulation, impact, source or dataset."""
    name: str
    n: int
    authentic: int
    groups: int
    """Independent photographs among the images; intervals over few of them are too narrow."""
    metrics: dict[str, Metric | None]
    """By name (`assay.metrics.METRICS`); None where the part lacks a class."""
    baseline_auc: Metric | None
    """AUC of metadata alone on the same images; None also where no baseline was fitted."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All slices, at one threshold frozen on validation."""

    threshold: float
    slices: tuple[Slice, ...]

    def overall(self, kind: Variant) -> Slice | None:
        """The slice of all images in the form ``kind``, if it was evaluated."""
        whole = (part for part in self.slices if part.by == "all" and part.variant == kind)
        return next(whole, None)

    def headline(self) -> dict[str, Metric]:
        """The few metrics for tables, as ``variant/metric``; undefined ones are left out."""
        metrics: dict[str, Metric | None] = {}
        for part in (part for part in self.slices if part.by == "all"):
            metrics |= {f"{part.variant}/{name}": part.metrics[name] for name in _HEADLINE}
            metrics[f"{part.variant}/baseline_auc"] = part.baseline_auc
        return {name: metric for name, metric in metrics.items() if metric is not None}

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Evaluation:
        """Invert `as_dict`."""
        return TypeAdapter(cls).validate_python(stored)


def judge(
    detector: DetectsPhotos,
    threshold: float,
    dataset: Dataset,
    settings: EvaluationSettings,
    progress: Progress,
) -> tuple[pd.DataFrame, Evaluation]:
    """Predict the test split in every variant, fit the baseline beside it, and evaluate both.

    Returns the predictions of `predict` with a column ``baseline``, and their `Evaluation`. Raises
    `DataError` as `evaluate` does.
    """
    import pandas as pd

    parts = []
    for kind in Variant:
        part = predict(detector, dataset, Split.TEST, kind, progress)
        baseline = MetadataBaseline.fit(dataset, kind, settings.workers, progress)
        parts.append(part.assign(baseline=baseline.scores(part)))
    predictions = pd.concat(parts, ignore_index=True)
    return predictions, evaluate(predictions, threshold, settings.resamples, settings.seed)


def predict(
    detector: DetectsPhotos, dataset: Dataset, split: Split, kind: Variant, progress: Progress
) -> pd.DataFrame:
    """One row an image of ``split`` in the form ``kind``, in the dataset's order.

    Columns: image_id, variant, label, manipulation, source, dataset, group, material (False for
    authentic images), seen (the model was fitted on the group), the metadata of
    `assay.baseline.FEATURES`, and p_authentic, p_manipulated, p_synthesized.
    """
    import pandas as pd

    total = dataset.table(["image_id"], split).num_rows
    rows: list[dict[str, Any]] = []
    for batch in dataset.batches(split):
        photos = [photo_of(sample, kind) for sample in batch]
        verdicts = detector.detect(photos)
        seen = [detector.has_seen(sample.group) for sample in batch]
        rows += map(_prediction, batch, photos, verdicts, [kind] * len(batch), seen)
        progress(len(rows), total, f"predicting {split}, {kind}")
    return pd.DataFrame(rows)


def evaluate(
    predictions: pd.DataFrame, threshold: float, resamples: int = 500, seed: int = 0
) -> Evaluation:
    """Measure ``predictions`` (columns as `predict` returns them) overall and per slice.

    A slice of one manipulation, or of the material or benign ones, holds its images and all
    authentic images; a source or dataset holds its own alone. Intervals resample groups. Rows that
    the model has seen are left out; raises `DataError` when no other is left.
    """
    rows = unseen(predictions)
    _report_left_out(predictions, rows)
    bootstrap = Bootstrap(resamples, seed)
    parts = [
        _measured(kind, by, name, part, threshold, bootstrap)
        for kind in sorted(set(rows["variant"]))
        for by, name, part in _cut(rows[rows["variant"] == kind])
    ]
    return Evaluation(threshold, tuple(parts))


def unseen(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows whose group the model was not fitted on: all, where no column ``seen`` says so."""
    if "seen" not in predictions:
        return predictions
    return predictions[~predictions["seen"].to_numpy(bool)]


def score(predictions: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Probability ``[n]`` that an image is not authentic."""
    return 1 - predictions["p_authentic"].to_numpy(np.float64)


def _report_left_out(predictions: pd.DataFrame, measured: pd.DataFrame) -> None:
    total, kept = predictions["image_id"].nunique(), measured["image_id"].nunique()
    if total and not kept:
        raise DataError(
            "every test photograph was used to train this model; evaluate on other images"
        )
    if kept < total:
        logger.warning(
            "%d of %d test images are left out: this model was trained on their photographs",
            total - kept,
            total,
        )


def _prediction(
    sample: Sample, photo: Photo, verdict: Verdict, kind: Variant, seen: bool
) -> dict[str, Any]:
    edited = sample.label != Label.AUTHENTIC
    return {
        "image_id": sample.image_id,
        "variant": kind.value,
        "label": str(sample.label),
        "manipulation": sample.manipulation,
        "source": sample.source,
        "dataset": sample.dataset,
        "group": sample.group,
        "material": edited and is_material(sample.manipulation),
        "seen": seen,
        **features(photo),
        **{f"p_{label}": verdict.probabilities[label] for label in Label},
    }


def _cut(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """What a slice is cut by, its name, and its rows."""
    authentic = rows["label"] == Label.AUTHENTIC.value
    yield "all", "all", rows
    for name in sorted(set(rows["manipulation"][~authentic]) - {""}):
        yield "manipulation", name, rows[authentic | (rows["manipulation"] == name)]
    for name, material in (("material", True), ("benign", False)):
        of_this_impact = ~authentic & (rows["material"] == material)
        if of_this_impact.any():
            yield "impact", name, rows[authentic | of_this_impact]
    for by in ("source", "dataset"):
        for name in sorted(set(rows[by])):
            yield by, name, rows[rows[by] == name]


def _measured(
    kind: str, by: str, name: str, rows: pd.DataFrame, threshold: float, bootstrap: Bootstrap
) -> Slice:
    positive = (rows["label"] != Label.AUTHENTIC.value).to_numpy(bool)
    groups = rows["group"].to_numpy(str)
    metrics = measure(score(rows), positive, groups, threshold, bootstrap)
    baseline = None
    if "baseline" in rows:
        alone = rows["baseline"].to_numpy(np.float64)
        baseline = measure(alone, positive, groups, threshold, bootstrap, ["auc"])["auc"]
    counts = len(rows), int((~positive).sum()), len(set(groups))
    return Slice(Variant(kind), by, name, *counts, metrics, baseline)
