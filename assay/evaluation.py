"""How good a model is, and on what: predictions on a split, metrics with intervals, per slice.

`judge` is the whole of it. Every slice is measured `as_is` and `bias_controlled`; beside each score
stand baselines that see only metadata, and controls that say whether it comes from the edit
(decision 0045). Images of a photograph that the model was fitted on are predicted, marked as seen,
and never measured; datasets of one class are measured apart (decision 0034).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, TypeAdapter, field_validator

from assay import likeness
from assay.baseline import QUANTISATION
from assay.bert_score import BertScoreSettings
from assay.calibration import Calibration
from assay.controls import CONTROLS, marks
from assay.errors import DataError
from assay.images import Variant
from assay.likeness import Likeness
from assay.localisation import LOCATED, SUSPICIOUS_AREA
from assay.metrics import Bootstrap, Metric, mean, measure
from assay.predictions import (
    LOG_ODDS,
    DetectsPhotos,
    explain,
    positive,
    predict_test,
    score,
    two_class,
    unseen,
)
from assay.progress import Progress
from assay.records import Label
from assay.review import Check, Review
from assay.settings import Seed, Settings

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

logger = logging.getLogger(__name__)

GROUNDED = "grounded_share"
"""Metric of the written reasons, see `Grounding`."""

_HEADLINE = ("auc", "average_precision", "balanced_accuracy", "tpr_at_5_fpr", "ece")


class EvaluationSettings(Settings):
    """How a model is judged."""

    resamples: int = Field(500, ge=1)
    """Bootstrap resamples behind each interval."""
    seed: Seed = 0
    workers: int | None = Field(None, ge=1)
    """Processes that read images and measure evidence; None takes one a core."""
    explained: int = Field(200, ge=0)
    """Test images whose written reasons are held against their evidence, and against a teacher's; 0
    asks for none."""
    bert_score: BertScoreSettings = BertScoreSettings()
    same_dataset: tuple[tuple[str, ...], ...] = ()
    """Names that leave-one-dataset-out takes for one: photographs and imitations of their kind."""

    @field_validator("same_dataset")
    @classmethod
    def _once_each(cls, together: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        names = [name for names in together for name in names]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} stands in it twice; name each dataset once")
        return together


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
    """Independent photographs among the images: intervals resample these."""
    metrics: dict[str, Metric | None]
    """By name (`assay.metrics.METRICS`); None where the part lacks a class."""
    baseline_auc: Metric | None
    """AUC of metadata alone on the same images; None also where no baseline was fitted."""
    pixels: dict[str, Metric | None] = field(default_factory=dict)
    """Means over images, by name: `LOCATED` of those with a mask, marked area of authentic ones."""
    controls: dict[str, Metric | None] = field(default_factory=dict)
    """AUC of other scores of the same images, by column: before calibration (`LOG_ODDS`, which
    compares between folds), under `CONTROLS`, or of quantisation tables."""

    @property
    def is_of_one_class(self) -> bool:
        """Whether the part lacks authentic images, or others."""
        return self.authentic in (0, self.n)

    @property
    def marks(self) -> tuple[str, ...]:
        """Why the AUC may not be what it seems, see `assay.controls.marks`."""
        return marks(self.metrics.get("auc"), self.controls)


@dataclass(frozen=True, slots=True)
class Grounding:
    """How far written reasons are borne out by the evidence, before anything is dropped."""

    images: int
    claims: int
    grounded: int
    share: Metric | None
    """Mean over the images of the share of their claims that is grounded; None without claims."""

    def __str__(self) -> str:
        """``385 of 404 claims about 200 images``."""
        return f"{self.grounded:,} of {self.claims:,} claims about {self.images:,} images"


@dataclass(frozen=True, slots=True)
class Fold:
    """A dataset that was left out of everything that is fitted, and whether its band held."""

    name: str
    images: int
    groups: int
    threshold: float
    review: tuple[float, float]
    promise: Review | None
    """What was promised on images of the other datasets."""
    checks: tuple[Check, ...]
    """Of that promise on the left-out images, bias controlled; none for a side without promise."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All slices, at thresholds frozen before."""

    threshold: float
    """Of all images; the median over folds where each has its own."""
    slices: tuple[Slice, ...]
    review: tuple[float, float] | None = None
    """Scores from the first to the second are handed to people; None where that is unknown."""
    apart: tuple[str, ...] = ()
    """Datasets of one class, which count in no slice but their own."""
    promise: Review | None = None
    """What was promised of the scores outside the band."""
    folds: tuple[Fold, ...] = ()
    """Of leave-one-dataset-out, which has no threshold, band or promise of its own."""
    grounding: Grounding | None = None
    """Of the reasons that the model writes; None where nobody asked for any."""
    likeness: Likeness | None = None
    """Of the same reasons to a teacher's."""

    def one_class_datasets(self) -> tuple[str, ...]:
        """Datasets of one class, whether they stand apart or, for want of others, count in all."""
        found = (part.name for part in self.slices if part.by == "dataset" and part.is_of_one_class)
        return tuple(dict.fromkeys(found))

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
            metrics |= {f"{part.variant}/{name}_auc": auc for name, auc in part.controls.items()}
            metrics |= {f"{part.variant}/{name}": found for name, found in part.pixels.items()}
        if self.grounding is not None:
            metrics[f"{Variant.BIAS_CONTROLLED}/{GROUNDED}"] = self.grounding.share
        if self.likeness is not None:
            alike = self.likeness.metrics().items()
            metrics |= {f"{Variant.BIAS_CONTROLLED}/{name}": found for name, found in alike}
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
    calibration: Calibration,
    dataset: Dataset,
    settings: EvaluationSettings,
    progress: Progress,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> tuple[pd.DataFrame, Evaluation]:
    """Predict the test split as `assay.predictions.predict_test` does, and evaluate that.

    ``reasons`` are what a teacher wrote about test images, by their id. Raises `DataError` as
    `evaluate` does.
    """
    predictions = predict_test(detector, calibration, dataset, settings.workers, progress)
    judged = evaluate(predictions, calibration.threshold, settings.resamples, settings.seed)
    review = calibration.review_low, calibration.review_high
    explained = explain(detector, dataset, settings.explained, settings.workers, progress, reasons)
    bootstrap = Bootstrap(settings.resamples, settings.seed)
    judged = replace(
        judged,
        grounding=_grounding(explained, bootstrap),
        likeness=likeness.measure(explained, settings.bert_score, bootstrap),
    )
    found = replace(judged, review=review, promise=calibration.review)
    return predictions, found


def evaluate(
    predictions: pd.DataFrame, threshold: float, resamples: int = 500, seed: int = 0
) -> Evaluation:
    """Measure ``predictions`` (columns as `assay.predictions.predict` gives) overall and per slice.

    A column ``threshold`` decides each image at its own (of its stratum, of its fold) instead.
    A slice of one manipulation, or of the material or benign ones, holds its images and all
    authentic images; a source or dataset holds its own alone. Datasets of one class stand apart
    (`assay.predictions.two_class`). Intervals resample groups. Rows that the model has seen are
    left out; raises `DataError` when no other is left.
    """
    rows = unseen(predictions)
    _report_left_out(predictions, rows)
    bootstrap = Bootstrap(resamples, seed)
    parts = [
        _measured(kind, by, name, part, threshold, bootstrap)
        for kind in sorted(set(rows["variant"]))
        for by, name, part in cut(rows[rows["variant"] == kind])
    ]
    apart = set(rows["dataset"]) - set(two_class(rows)["dataset"])
    _report_one_class(rows, apart)
    return Evaluation(threshold, tuple(parts), apart=tuple(sorted(apart)))


def _grounding(explained: pd.DataFrame, bootstrap: Bootstrap) -> Grounding | None:
    if explained.empty:
        return None
    spoken = explained[explained["claims"] > 0]
    shares = (spoken["grounded"] / spoken["claims"]).to_numpy(np.float64)
    groups = spoken["group"].to_numpy(str)
    share = mean(shares, groups, bootstrap, lowest=0.0) if len(spoken) else None
    claims, grounded = (int(explained[name].sum()) for name in ("claims", "grounded"))
    return Grounding(len(explained), claims, grounded, share)


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


def _report_one_class(rows: pd.DataFrame, apart: set[str]) -> None:
    single = rows.groupby("dataset")["label"].agg(_is_of_one_class)
    if apart:
        names = ", ".join(sorted(apart))
        logger.warning("datasets of one class are measured apart, not in the whole: %s", names)
    elif len(single) > 1 and single.all():
        logger.warning(
            "every dataset is of one class, so all count in the whole: a model that only tells "
            "datasets apart scores as high"
        )


def _is_of_one_class(labels: pd.Series[str]) -> bool:
    return bool((labels == Label.AUTHENTIC.value).nunique() == 1)


def cut(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """What a slice of ``rows`` (of one variant) is cut by, its name, and its rows."""
    every = rows
    rows = two_class(every)
    authentic = rows["label"] == Label.AUTHENTIC.value
    yield "all", "all", rows
    for name in sorted(set(rows["manipulation"][~authentic]) - {""}):
        yield "manipulation", name, rows[authentic | (rows["manipulation"] == name)]
    for name, material in (("material", True), ("benign", False)):
        of_this_impact = ~authentic & (rows["material"] == material)
        if of_this_impact.any():
            yield "impact", name, rows[authentic | of_this_impact]
    for name in sorted(set(rows["source"])):
        yield "source", name, rows[rows["source"] == name]
    for name in sorted(set(every["dataset"])):
        yield "dataset", name, every[every["dataset"] == name]


def _measured(
    kind: str, by: str, name: str, rows: pd.DataFrame, threshold: float, bootstrap: Bootstrap
) -> Slice:
    edited = positive(rows["label"])
    groups = rows["group"].to_numpy(str)
    own = rows["threshold"].to_numpy(np.float64) if "threshold" in rows else threshold
    metrics = measure(score(rows), edited, groups, own, bootstrap)
    baseline = _auc(rows, "baseline", bootstrap) if "baseline" in rows else None
    counts = len(rows), int((~edited).sum()), len(set(groups))
    pixels = _pixels(rows, bootstrap)
    columns = [column for column in (LOG_ODDS, *CONTROLS, QUANTISATION) if column in rows]
    beside = {column: _auc(rows, column, bootstrap) for column in columns}
    return Slice(Variant(kind), by, name, *counts, metrics, baseline, pixels, beside)


def _auc(rows: pd.DataFrame, column: str, bootstrap: Bootstrap) -> Metric | None:
    """Of another score, on the rows that have one."""
    known = rows[rows[column].notna()]
    edited, groups = positive(known["label"]), known["group"].to_numpy(str)
    scores = known[column].to_numpy(np.float64)
    return measure(scores, edited, groups, 0.5, bootstrap, ["auc"])["auc"] if len(known) else None


def _pixels(rows: pd.DataFrame, bootstrap: Bootstrap) -> dict[str, Metric | None]:
    """Means of the pixel metrics where they are defined; of the marked area, where it is false."""
    authentic = ~positive(rows["label"])
    parts = dict.fromkeys(LOCATED, rows) | {SUSPICIOUS_AREA: rows[authentic]}
    return {name: _mean(of, name, bootstrap) for name, of in parts.items() if name in rows}


def _mean(rows: pd.DataFrame, name: str, bootstrap: Bootstrap) -> Metric | None:
    """Of the rows where the column ``name``, a share, is defined; None where there are none."""
    known = rows[rows[name].notna()]
    groups = known["group"].to_numpy(str)
    values = known[name].to_numpy(np.float64)
    return mean(values, groups, bootstrap, lowest=0.0) if len(known) else None
