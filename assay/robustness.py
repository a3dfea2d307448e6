"""Do decisions stand what platforms do to photos: the matrix, at the one frozen threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter

from assay.calibration import Calibration
from assay.journal import Row
from assay.metrics import Bootstrap, Metric
from assay.metrics import measure as metrics_of
from assay.perturbations import matrix
from assay.perturbed_predictions import UNPERTURBED, Tried, name_of, predict
from assay.predictions import DetectsPhotos, positive
from assay.progress import Progress
from assay.settings import Seed, Settings
from assay.votes import rate

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

SLICED_BY = ("dataset", "size", "compression")
"""Columns that false positives are told apart by; the last two are of the file that was judged."""

_COLUMNS = ("perturbation", "image_id", "label", "group", *SLICED_BY, "score", "flagged", "decided")


class RobustnessSettings(Settings):
    """How many test images are perturbed, and in how many ways."""

    images_per_class: int = Field(12, ge=0)
    """Authentic ones, and as many others; 0 measures nothing."""
    full: bool = False
    """All perturbations; otherwise the everyday ones, which is what promotion reads."""
    resamples: int = Field(500, ge=1)
    """Bootstrap resamples behind the intervals of AUC and calibration error."""
    seed: Seed = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """False positives among the authentic images of one part."""

    by: str
    """One of `SLICED_BY`."""
    name: str
    groups: int
    false_positive_rate: Metric


@dataclass(frozen=True, slots=True)
class Result:
    """What one perturbation does; metrics that the images do not define are None.

    Rates have Clopper-Pearson intervals in which a photograph has one vote, as the review band
    counts (`assay.review`): crops of one photograph are no independent observations.
    """

    name: str
    family: str
    everyday: bool
    n: int
    groups: int
    auc: Metric | None
    ece: Metric | None
    true_positive_rate: Metric | None
    false_positive_rate: Metric | None
    flip_rate: Metric | None
    """Share of images whose decision (authentic or not) is not that about the unperturbed one."""
    decided_flip_rate: Metric | None
    """The same among images that lie outside the review band both times."""
    decided_share: Metric | None
    """Share of images outside the review band."""
    slices: tuple[Slice, ...]


Rate = Literal["flip_rate", "false_positive_rate"]


@dataclass(frozen=True, slots=True)
class Robustness:
    """The whole matrix; without results where nothing was measured."""

    threshold: float
    """Of all images; a stratum may have one of its own."""
    images: int
    groups: int
    results: tuple[Result, ...]
    """The unperturbed images first."""
    slices: tuple[Slice, ...]
    """Over all results together."""

    def worst(self, rate: Rate) -> tuple[str, Metric] | None:
        """The everyday perturbation whose ``rate`` is most surely high, and that rate.

        By the interval's lower end: a high rate of very few photographs is no finding.
        """
        found = [(r.name, m) for r in self.results if r.everyday and (m := getattr(r, rate))]
        return max(found, key=lambda one: (one[1].low, one[1].value), default=None)

    def headline(self) -> dict[str, Metric]:
        """The metrics for tables: AUC unperturbed, and the worst everyday rates."""
        auc = self.results[0].auc if self.results else None
        found = {} if auc is None else {"auc": auc}
        rates: tuple[Rate, ...] = "false_positive_rate", "flip_rate"
        return found | {f"worst_{rate}": w[1] for rate in rates if (w := self.worst(rate))}

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Robustness:
        """Invert `as_dict`."""
        return TypeAdapter(cls).validate_python(stored)


def measure(
    detector: DetectsPhotos,
    calibration: Calibration,
    dataset: Dataset,
    settings: RobustnessSettings,
    work: Path,
    progress: Progress,
) -> Robustness:
    """Judge a sample of the test split before and after each perturbation, and compare.

    Verdicts are kept in ``work`` as `assay.perturbed_predictions.predict` says.
    """
    tried = (None, *matrix(settings.full))
    rows = predict(
        detector, dataset, tried, settings.images_per_class, settings.seed, work, progress
    )
    bootstrap = Bootstrap(settings.resamples, settings.seed)
    return evaluate(rows, tried if rows else (), calibration.threshold, bootstrap)


def evaluate(
    rows: Sequence[Row],
    tried: Sequence[Tried],
    threshold: float,
    bootstrap: Bootstrap,
) -> Robustness:
    """The matrix of ``rows`` (of `measure`'s journal); None among ``tried`` is the image itself."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    before = table[table["perturbation"] == UNPERTURBED].set_index("image_id")
    results = []
    for perturbation in tried:
        own = table[table["perturbation"] == name_of(perturbation)]
        results.append(
            _result(perturbation, own, before.loc[own["image_id"]], threshold, bootstrap)
        )
    photographs = table["group"].nunique()
    return Robustness(threshold, len(before), photographs, tuple(results), _slices(table))


def _result(
    perturbation: Tried,
    rows: pd.DataFrame,
    before: pd.DataFrame,
    threshold: float,
    bootstrap: Bootstrap,
) -> Result:
    """Of the verdicts ``rows`` about perturbed images, and those ``before`` about the same ones."""
    edited, groups = positive(rows["label"]), rows["group"].to_numpy(str)
    flagged, decided = rows["flagged"].to_numpy(bool), rows["decided"].to_numpy(bool)
    flipped = flagged != before["flagged"].to_numpy(bool)
    settled = decided & before["decided"].to_numpy(bool)
    scores = rows["score"].to_numpy(np.float64)
    curves: dict[str, Metric | None] = {"auc": None, "ece": None}
    if len(rows):
        curves = metrics_of(scores, edited, groups, threshold, bootstrap, list(curves))
    return Result(
        name_of(perturbation),
        perturbation.family if perturbation else "",
        perturbation is None or perturbation.everyday,
        len(rows),
        len(np.unique(groups)),
        curves["auc"],
        curves["ece"],
        rate(flagged[edited], groups[edited]),
        rate(flagged[~edited], groups[~edited]),
        rate(flipped, groups) if perturbation else None,
        rate(flipped[settled], groups[settled]) if perturbation else None,
        rate(decided, groups),
        _slices(rows),
    )


def _slices(rows: pd.DataFrame) -> tuple[Slice, ...]:
    authentic = rows[~positive(rows["label"])]
    found = []
    for by in SLICED_BY:
        for name, part in authentic.groupby(by):
            groups = part["group"].to_numpy(str)
            false_positives = rate(part["flagged"].to_numpy(bool), groups)
            if false_positives is not None:
                found.append(Slice(by, str(name), len(np.unique(groups)), false_positives))
    return tuple(found)
