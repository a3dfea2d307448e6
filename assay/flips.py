"""Images that two models decide differently: which, how, and whether mending outweighs breaking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from assay.images import Variant
from assay.metrics import Bootstrap, Metric, mean
from assay.predictions import positive, two_class

if TYPE_CHECKING:
    import pandas as pd


class Change(StrEnum):
    """How a decision about an image changed from the first model to the second."""

    MENDED = "mended"
    """Wrong before, right now: authentic or not is what counts."""
    BROKEN = "broken"
    """Right before, wrong now."""
    RELABELLED = "relabelled"
    """Not authentic to both, manipulated to one and synthesized to the other."""


@dataclass(frozen=True, slots=True)
class Flip:
    """An image that the two models decide differently."""

    image_id: str
    variant: Variant
    change: Change
    label: str
    """The truth."""
    manipulation: str
    group: str
    scores: tuple[float, float]
    predicted: tuple[str, str]


@dataclass(frozen=True, slots=True)
class FlipCount:
    """The flips of one variant, counted."""

    variant: Variant
    n: int
    counts: dict[Change, int]
    net: Metric | None
    """Mended minus broken as a share of all images: McNemar's contrast, resampled by group."""


def find_flips(kind: Variant, rows: pd.DataFrame) -> list[Flip]:
    """The rows (as `assay.comparison.paired` gives, of one variant) that the models part over."""
    changes = zip(_changes(rows), rows.to_dict("records"), strict=True)
    return [
        Flip(
            image_id=row["image_id"],
            variant=kind,
            change=change,
            label=row["label"],
            manipulation=row["manipulation"],
            group=row["group"],
            scores=(row["first"], row["second"]),
            predicted=(row["first_label"], row["second_label"]),
        )
        for change, row in changes
        if change is not None
    ]


def count_flips(kind: Variant, rows: pd.DataFrame, bootstrap: Bootstrap) -> FlipCount:
    """Count the flips among the images that every overall figure is measured on."""
    rows = two_class(rows)
    changes = _changes(rows)
    counts = {change: changes.count(change) for change in Change}
    steps = {Change.MENDED: 1.0, Change.BROKEN: -1.0}
    gains = np.array([steps.get(change, 0.0) if change else 0.0 for change in changes])
    net = mean(gains, rows["group"].to_numpy(str), bootstrap)
    return FlipCount(kind, len(rows), counts, net)


def _changes(rows: pd.DataFrame) -> list[Change | None]:
    """What happened to the decision about each row."""
    edited = positive(rows["label"])
    before, now = (positive(rows[f"{model}_label"]) == edited for model in ("first", "second"))
    other_kind = (rows["first_label"] != rows["second_label"]).to_numpy(bool)
    names = np.select(
        [~before & now, before & ~now, other_kind],
        [Change.MENDED.value, Change.BROKEN.value, Change.RELABELLED.value],
        "",
    )
    return [Change(name) if name else None for name in names.tolist()]
