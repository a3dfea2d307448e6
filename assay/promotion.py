"""Champion against challenger: one pure decision, its reasons included.

Both are compared on the same images of the same test set, paired, with intervals that resample
groups, and only on images of photographs that neither was fitted on, the same that the evaluation
measures (`assay.predictions.measured`). A refusal is a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import Field

from assay.metrics import Bootstrap, Metric, differences, measure
from assay.predictions import measured, positive, same_images, score, two_class, unseen
from assay.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_UNUSED_THRESHOLD = 0.5
"""Only the AUC is read here, which has none."""


class PromotionSettings(Settings):
    """When a challenger replaces the champion."""

    floor: float = Field(0.5, ge=0, le=1)
    """The lower end of the challenger's AUC interval has to exceed this; 0.5 is guessing."""
    margin: float = Field(0.02, ge=0, le=1)
    """How far the lower end of the difference's interval may lie below zero."""
    resamples: int = Field(500, ge=1)
    """As many as an evaluation has, or one AUC would be told with two intervals."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """The outcome, every reason for it, and the AUC difference behind it."""

    promoted: bool
    reasons: tuple[str, ...]
    difference: Metric | None
    """Challenger minus champion; None without a champion or a common test set with both classes."""


def decide(
    challenger: pd.DataFrame, champion: pd.DataFrame | None, settings: PromotionSettings
) -> PromotionDecision:
    """Whether ``challenger`` becomes champion; predictions as `assay.predictions.predict` gives.

    Every challenger has to clear the floor and, where its predictions hold a ``baseline``, to beat
    metadata alone. Against a champion it has to be better (AUC difference above zero) and
    credibly no worse than by the margin (non-inferiority of the interval's lower end).
    """
    objections, merits = _standing(measured(challenger), settings)
    difference = None
    if champion is None:
        merits.append("there is no champion yet")
    elif not same_images(challenger, champion):
        objections.append("the champion was evaluated on other test images; evaluate both on one")
    else:
        difference = _difference(challenger, champion, settings)
        better, reason = _comparison(difference, settings.margin)
        (merits if better else objections).append(reason)
    reasons = tuple(objections or merits)
    return PromotionDecision(not objections, reasons, difference)


def _standing(challenger: pd.DataFrame, settings: PromotionSettings) -> tuple[list[str], list[str]]:
    """Objections and merits of a challenger on its own."""
    auc = _auc(challenger, score(challenger), settings)
    if auc is None:
        lacking = "the test images it was not trained on lack authentic or other ones"
        return [f"{lacking}, so no AUC is defined"], []
    words = f"AUC {_words(auc)}"
    objections = []
    if auc.low <= settings.floor:
        objections.append(f"{words} does not clear the floor of {settings.floor:g}")
    if "baseline" in challenger:
        alone = _auc(challenger, challenger["baseline"].to_numpy(float), settings)
        if alone is not None and auc.value <= alone.value:
            objections.append(f"{words} does not beat metadata alone, {_words(alone)}")
    return objections, [f"{words} clears the floor of {settings.floor:g}"]


def _comparison(difference: Metric | None, margin: float) -> tuple[bool, str]:
    """Whether the challenger is better by so much, in words too."""
    if difference is None:
        lacking = "the test images that neither model was trained on lack authentic or other ones"
        return False, f"{lacking}, so they cannot be compared; train and compare on other images"
    reason = f"AUC difference to the champion {_words(difference, sign='+')}"
    if difference.value > 0 and difference.low > -margin:
        return True, reason
    return False, f"{reason}, needs a gain and a lower end above {-margin:g}"


def _auc(
    rows: pd.DataFrame, scores: npt.NDArray[np.float64], settings: PromotionSettings
) -> Metric | None:
    if rows.empty:
        return None
    edited, groups = positive(rows["label"]), rows["group"].to_numpy(str)
    bootstrap = Bootstrap(settings.resamples, settings.seed)
    return measure(scores, edited, groups, _UNUSED_THRESHOLD, bootstrap, ["auc"])["auc"]


def _difference(
    challenger: pd.DataFrame, champion: pd.DataFrame, settings: PromotionSettings
) -> Metric | None:
    """On the images that neither has seen, paired; None where these lack a class."""
    fair, rival = unseen(challenger), unseen(champion).set_index("image_id")
    fair = two_class(fair[fair["image_id"].isin(rival.index)])
    if fair.empty:
        return None
    difference = differences(
        score(rival.loc[fair["image_id"]]),
        score(fair),
        positive(fair["label"]),
        fair["group"].to_numpy(str),
        (_UNUSED_THRESHOLD, _UNUSED_THRESHOLD),
        Bootstrap(settings.resamples, settings.seed),
        ["auc"],
    )["auc"]
    return None if difference is None else difference.change


def _words(metric: Metric, sign: str = "") -> str:
    return f"{metric.value:{sign}.3f} [{metric.low:{sign}.3f}, {metric.high:{sign}.3f}]"
