"""Two models on the same images: paired differences with intervals, and a verdict.

Everything is the second model minus the first, measured on images of photographs that neither was
fitted on. Intervals resample photographs and hold for few of them (decision 0035).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, TypeAdapter

from assay.errors import DataError
from assay.evaluation import cut
from assay.flips import Flip, FlipCount, count_flips, find_flips
from assay.images import Variant
from assay.metrics import Bootstrap, Difference, Metric, differences
from assay.model_registry import ModelFacts
from assay.predictions import positive, same_images, score, unseen
from assay.settings import Seed, Settings

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("auc", "average_precision", "balanced_accuracy", "brier", "ece")
"""What is compared, the one that decides first."""
PRIMARY = METRICS[0]
_LOWER_IS_BETTER = frozenset({"brier", "ece"})

_IMAGE = ["image_id", "variant"]


class ComparisonSettings(Settings):
    """How two models are compared."""

    resamples: int = Field(1000, ge=1)
    """Bootstrap resamples behind each interval."""
    seed: Seed = 0


class Outcome(StrEnum):
    """What the second model is beside the first, by the primary metric."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "no significant difference"


@dataclass(frozen=True, slots=True)
class ComparedSlice:
    """The differences on one part of the images, which are cut as an evaluation cuts them."""

    variant: Variant
    by: str
    name: str
    n: int
    authentic: int
    groups: int
    """Independent photographs among the images."""
    metrics: dict[str, Difference | None]
    """By name (`METRICS`); None where the part lacks a class."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every slice, every flip, and the two models where they are known."""

    slices: tuple[ComparedSlice, ...]
    flips: tuple[Flip, ...]
    flip_counts: tuple[FlipCount, ...]
    thresholds: tuple[float, float]
    """On the scores of the first and of the second model."""
    left_out: int
    """Images of photographs that one of the models was fitted on."""
    models: tuple[ModelFacts, ModelFacts] | None = None

    @property
    def overall(self) -> ComparedSlice:
        """All images in the form that decides."""
        whole = (s for s in self.slices if s.by == "all" and s.variant is Variant.BIAS_CONTROLLED)
        return next(whole)

    @property
    def overall_flips(self) -> FlipCount:
        """The flips in the form that decides, counted."""
        return next(c for c in self.flip_counts if c.variant is Variant.BIAS_CONTROLLED)

    @property
    def primary(self) -> Difference:
        """The difference that decides."""
        difference = self.overall.metrics[PRIMARY]
        assert difference is not None  # noqa: S101 (`compare` refuses images without one)
        return difference

    @property
    def outcome(self) -> Outcome:
        """By whether the interval of the primary difference excludes zero."""
        return outcome(PRIMARY, self.primary.change)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Comparison:
        """Invert `as_dict`."""
        return TypeAdapter(cls).validate_python(stored)


def compare(
    first: pd.DataFrame,
    second: pd.DataFrame,
    first_threshold: float,
    second_threshold: float,
    settings: ComparisonSettings,
) -> Comparison:
    """Compare predictions (as `assay.predictions.predict` gives) about the same images.

    Raises `DataError` for different images, and where those that neither model has seen do not
    give the primary metric.
    """
    rows = paired(first, second)
    bootstrap = Bootstrap(settings.resamples, settings.seed)
    thresholds = first_threshold, second_threshold
    variants = {kind: part for kind in Variant if len(part := rows[rows["variant"] == kind.value])}
    slices = [
        _compared(kind, by, name, part, thresholds, bootstrap)
        for kind, of_kind in variants.items()
        for by, name, part in cut(of_kind)
    ]
    _require_primary(slices)
    flipped = [flip for kind, of_kind in variants.items() for flip in find_flips(kind, of_kind)]
    counts = [count_flips(kind, of_kind, bootstrap) for kind, of_kind in variants.items()]
    left_out = first["image_id"].nunique() - rows["image_id"].nunique()
    return Comparison(tuple(slices), tuple(flipped), tuple(counts), thresholds, left_out)


def outcome(metric: str, change: Metric) -> Outcome:
    """What a difference of ``metric`` says about the second model, once it excludes zero."""
    if change.low <= 0 <= change.high:
        return Outcome.UNDECIDED
    better = (change.value > 0) != (metric in _LOWER_IS_BETTER)
    return Outcome.BETTER if better else Outcome.WORSE


def paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """One row an image and variant that neither model has seen, in the order of ``first``.

    The columns that describe the image, and ``first``, ``second`` (scores) and ``first_label``,
    ``second_label`` (decisions). Raises `DataError` when the tables hold different images, or no
    image is left.
    """
    if not same_images(first, second):
        raise DataError(
            "the two models were applied to different images (ids, variants and labels have to "
            "agree); let both predict the same dataset"
        )
    rows = _scored(unseen(first), "first").merge(
        _scored(unseen(second), "second")[[*_IMAGE, "second", "second_label"]], on=_IMAGE
    )
    if rows.empty:
        raise DataError(
            "every photograph was used to train one of the two models; compare them on other images"
        )
    return rows


def _scored(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    columns: dict[str, Any] = {name: score(rows), f"{name}_label": rows["predicted"]}
    return rows.assign(**columns)


def _compared(
    kind: Variant,
    by: str,
    name: str,
    rows: pd.DataFrame,
    thresholds: tuple[float, float],
    bootstrap: Bootstrap,
) -> ComparedSlice:
    groups = rows["group"].to_numpy(str)
    first, second = (rows[model].to_numpy(np.float64) for model in ("first", "second"))
    edited = positive(rows["label"])
    metrics = differences(first, second, edited, groups, thresholds, bootstrap, METRICS)
    counts = len(rows), int((~edited).sum()), len(set(groups))
    return ComparedSlice(kind, by, name, *counts, metrics)


def _require_primary(slices: list[ComparedSlice]) -> None:
    decisive = [s for s in slices if s.by == "all" and s.variant is Variant.BIAS_CONTROLLED]
    if not decisive or decisive[0].metrics[PRIMARY] is None:
        raise DataError(
            "the bias_controlled images that neither model was trained on lack authentic or other "
            "ones; compare them on other images"
        )
