"""Champion against challenger: one pure decision, its reasons included.

Both are compared on the same images of the same test set, paired, with intervals that resample
groups, and only on images of photographs that neither was fitted on, the same that the evaluation
measures (`assay.predictions.measured`). A challenger's decisions also have to stand what happens to
photos every day (`assay.robustness`). A refusal is a value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import Field

from assay.metrics import Bootstrap, Metric, differences, measure
from assay.predictions import measured, positive, same_images, score, two_class, unseen
from assay.review import MIN_CHECKED
from assay.robustness import Rate, Robustness
from assay.settings import Seed, Settings

if TYPE_CHECKING:
    import pandas as pd

_UNUSED_THRESHOLD = 0.5
"""Only the AUC is read here, which has none."""

_RATES: dict[Rate, str] = {
    "false_positive_rate": "worst everyday false-positive rate",
    "flip_rate": "worst everyday flip rate",
}


class JudgementSettings(Settings):
    """How a challenger is compared, and what becomes of photos that it has to stand."""

    max_false_positive_rate: float = Field(0.5, ge=0, le=1)
    """Under the worst everyday perturbation: what flags more photos than it clears is no help.

    The lower end of the rate's interval has to exceed this, so that few images refuse nothing.
    """
    max_flip_rate: float = Field(0.3, ge=0, le=1)
    """Likewise of decisions that change; of those drawn anew by lot, up to half would."""
    resamples: int = Field(500, ge=1)
    """As many as an evaluation has, or one AUC would be told with two intervals."""
    seed: Seed = 0


class PromotionSettings(JudgementSettings):
    """When a challenger replaces the champion."""

    floor: float = Field(0.5, ge=0, le=1)
    """The lower end of the challenger's AUC interval has to exceed this; 0.5 is guessing."""
    margin: float = Field(0.02, ge=0, le=1)
    """How far the lower end of the difference's interval may lie below zero."""


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """The outcome, every reason for it, and the AUC difference behind it."""

    promoted: bool
    reasons: tuple[str, ...]
    difference: Metric | None
    """Challenger minus champion; None without a champion or a common test set with both classes."""
    newest_auc: Metric | None = None
    """Of the challenger on the newest labels of the traffic, where it was judged on such."""


def decide(
    challenger: pd.DataFrame,
    champion: pd.DataFrame | None,
    settings: PromotionSettings,
    robustness: Robustness | None = None,
) -> PromotionDecision:
    """Whether ``challenger`` becomes champion; predictions as `assay.predictions.predict` gives.

    Every challenger has to clear the floor, to beat metadata alone where its predictions hold a
    ``baseline``, and not to exceed the limits on its ``robustness`` where that was measured.
    Against a champion it has to be better (AUC difference above zero) and credibly no worse than
    by the margin (non-inferiority of the interval's lower end).
    """
    objections, merits = _standing(measured(challenger), settings)
    fragile, robust = objections_to_robustness(robustness, settings)
    objections += fragile
    difference = None
    if champion is None:
        merits.append("there is no champion yet")
    elif not same_images(challenger, champion):
        objections.append("the champion was evaluated on other test images; evaluate both on one")
    else:
        difference = _difference(challenger, champion, settings)
        better, reason = _comparison(difference, settings.margin)
        (merits if better else objections).append(reason)
    # Whether robustness was looked at is told either way: nobody misses what is not mentioned.
    reasons = (*(objections or merits), *(() if fragile else robust))
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


def unless_overtaken(
    decision: PromotionDecision, rival: str | None, champion: str | None
) -> PromotionDecision:
    """``decision``, refused where ``champion`` is not the ``rival`` that was compared with.

    A comparison takes minutes, in which a person, or another training, may crown somebody.
    """
    if champion == rival:
        return decision
    became = f"version {champion} became champion during the comparison"
    reason = f"{became}; run the pipeline again to be compared with it"
    return replace(decision, promoted=False, reasons=(reason, *decision.reasons))


def objections_to_robustness(
    robustness: Robustness | None, settings: JudgementSettings
) -> tuple[list[str], list[str]]:
    """Objections to how a challenger stands everyday perturbations, and what else is known."""
    if robustness is None or not robustness.results:
        return [], ["robustness was not measured"]
    limits: dict[Rate, float] = {
        "false_positive_rate": settings.max_false_positive_rate,
        "flip_rate": settings.max_flip_rate,
    }
    objections, merits = [], []
    for rate, limit in limits.items():
        if worst := robustness.worst(rate):
            words = f"{_RATES[rate]} {_words(worst[1])} ({worst[0]})"
            if worst[1].low <= limit:
                merits.append(f"{words} does not credibly exceed the limit of {limit:g}")
            elif robustness.groups < MIN_CHECKED:
                merits.append(f"{words} of {robustness.groups} photographs, too few to refuse for")
            else:
                objections.append(f"{words} exceeds the limit of {limit:g}")
    return objections, merits


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
