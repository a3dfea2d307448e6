"""Shortcut probes: tiny classifiers that tell the label from the container of a file alone.

Each probe sees a few numbers and no pixel, and is fitted inside one dataset, as between datasets
every container differs. On the raw files its finding is reported; what is left after the
normalisation that training uses is what a detector could learn instead of the image, and blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, field_validator

from assay.errors import did_you_mean
from assay.image_profile import NORMALISED, RAW
from assay.metrics import Bools, Bootstrap, Floats, Metric, measure
from assay.predictions import positive
from assay.progress import Progress
from assay.settings import Seed, Settings

if TYPE_CHECKING:
    import pandas as pd

PROBES: dict[str, tuple[str, ...]] = {
    "file_size": ("bytes", "bits_per_pixel"),
    "dimensions": ("width", "height"),
    "quantisation": ("qtables", "format", "progressive"),
    "exif": ("exif",),
}
"""What each probe sees, of `assay.baseline.FEATURES`; of EXIF only whether there is any."""

_FOLDS = 5
_REPEATS = 5
_DEPTH, _LEAF = 4, 5


class ShortcutSettings(Settings):
    """What a shortcut is, and which ones are put up with (docs/decisions/0023)."""

    limit: float = Field(0.75, ge=0.5, le=1)
    """Balanced accuracy that stops the run: the lower end of a normalised probe's interval."""
    suspicion: float = Field(0.6, ge=0.5, le=1)
    """The same, from which a probe is only pointed out."""
    exceptions: tuple[str, ...] = ()
    """Probes that may exceed the limit, each as ``DATASET/PROBE``."""
    min_images: int = Field(20, ge=5)
    """Of each side of the verdict; a dataset with fewer is not probed."""
    min_groups: int = Field(10, ge=5)
    """Of each side of the verdict, as groups are what the interval resamples."""
    resamples: int = Field(500, ge=1)
    """Bootstrap resamples behind each interval."""
    seed: Seed = 0

    @field_validator("exceptions")
    @classmethod
    def _name_probes(cls, exceptions: tuple[str, ...]) -> tuple[str, ...]:
        for exception in exceptions:
            dataset, _, name = exception.rpartition("/")
            if not dataset or name not in PROBES:
                hint = did_you_mean(name, PROBES)
                raise ValueError(f"{exception!r} is no DATASET/PROBE{hint}; {', '.join(PROBES)}")
        return exceptions


class Outcome(StrEnum):
    """What follows from a probe."""

    CLEAR = "clear"
    SUSPECT = "suspect"
    """Credibly above the suspicion, or the finding of a raw probe."""
    EXCEPTED = "excepted"
    """Above the limit, and the settings put up with it."""
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Probe:
    """How well one aspect of the container tells the two sides of the verdict apart."""

    dataset: str
    name: str
    form: str
    """``raw`` or ``normalised``."""
    accuracy: Metric
    """Balanced accuracy of out-of-fold answers; 0.5 is chance."""
    groups: int
    outcome: Outcome

    @property
    def exception(self) -> str:
        """The words by which the settings put up with it."""
        return f"{self.dataset}/{self.name}"


@dataclass(frozen=True, slots=True)
class Unprobed:
    """A dataset in which no probe can be fitted, and why."""

    dataset: str
    rows: int
    reason: str


def probe(
    profile: pd.DataFrame, settings: ShortcutSettings, progress: Progress
) -> tuple[tuple[Probe, ...], tuple[Unprobed, ...]]:
    """Probe each dataset of ``profile`` (`assay.image_profile.profile`) in both forms.

    Rows that were rejected or cannot be decoded are left out.
    """
    rows = profile[profile["rejected"].isna() & profile["error"].isna()]
    parts = [(str(name), part) for name, part in rows.groupby("dataset", sort=True)]
    reasons = {name: _why_not(part, settings) for name, part in parts}
    probes: list[Probe] = []
    for done, (name, part) in enumerate(parts, 1):
        if not reasons[name]:
            probes += _probes(name, part, settings)
        progress(done, len(parts), "probing for shortcuts")
    unprobed = (Unprobed(name, len(part), reasons[name]) for name, part in parts if reasons[name])
    return tuple(probes), tuple(unprobed)


def _why_not(part: pd.DataFrame, settings: ShortcutSettings) -> str:
    """Why a dataset cannot be probed; empty if it can."""
    altered = positive(part["label"])
    if altered.all() or not altered.any():
        return f"one class: all {'are' if altered.all() else 'are not'} altered"
    for side, name in ((~altered, "authentic"), (altered, "altered")):
        images, groups = int(side.sum()), part["group"][side].nunique()
        if images < settings.min_images:
            return f"too small: {images} {name} images, {settings.min_images} are needed"
        if groups < settings.min_groups:
            return f"too few groups: {groups} of {name} images, {settings.min_groups} are needed"
    return ""


def _probes(dataset: str, part: pd.DataFrame, settings: ShortcutSettings) -> Iterator[Probe]:
    altered, groups = positive(part["label"]), part["group"].to_numpy(str)
    folds = _folds(altered, groups, settings.seed)
    bootstrap = Bootstrap(settings.resamples, settings.seed)
    for name, columns in PROBES.items():
        for form in (RAW, NORMALISED):
            seen = part[[f"{form}_{column}" for column in columns]].to_numpy(np.float64)
            scores = _out_of_fold(seen.clip(max=1) if name == "exif" else seen, altered, folds)
            measured = measure(scores, altered, groups, 0.5, bootstrap, ["balanced_accuracy"])
            accuracy = measured["balanced_accuracy"]
            if accuracy is not None:
                outcome = _outcome(accuracy, f"{dataset}/{name}", form, settings)
                yield Probe(dataset, name, form, accuracy, len(set(groups)), outcome)


def _folds(positive: Bools, groups: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit and to judge, `_REPEATS` times; a group is never on both sides.

    One partition of 150 images moves the accuracy by 0.1, hence several.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    splitters = [
        StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed + repeat)
        for repeat in range(_REPEATS)
    ]
    return [fold for splitter in splitters for fold in splitter.split(groups, positive, groups)]


def _out_of_fold(
    seen: Floats, positive: Bools, folds: list[tuple[np.ndarray, np.ndarray]]
) -> Floats:
    """Mean probability ``[n]`` that an image is altered, from trees that did not see its group."""
    from sklearn.tree import DecisionTreeClassifier

    scores = np.zeros(len(positive))
    for fitted, judged in folds:
        tree = DecisionTreeClassifier(
            max_depth=_DEPTH, min_samples_leaf=_LEAF, class_weight="balanced", random_state=0
        )
        tree.fit(seen[fitted], positive[fitted])
        scores[judged] += tree.predict_proba(seen[judged])[:, -1] / _REPEATS
    return scores


def _outcome(accuracy: Metric, exception: str, form: str, settings: ShortcutSettings) -> Outcome:
    """Only what is credibly above a bound counts: the lower end of the interval."""
    if form == NORMALISED and accuracy.low > settings.limit:
        return Outcome.EXCEPTED if exception in settings.exceptions else Outcome.BLOCKS
    return Outcome.SUSPECT if accuracy.low > settings.suspicion else Outcome.CLEAR
