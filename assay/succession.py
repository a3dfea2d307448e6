"""Whether a model that was moved to newer traffic follows the champion: two sets, one decision.

It has to be better on the newest images that people labelled, which neither model learned from, and
not worse on the champion's test split, which never changes; both over all images and in each part
(decision 0084). A refusal is a value, with every reason for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.special import stdtrit

from assay.metrics import COVERAGE, Bootstrap, Metric, differences, independent_groups, measure
from assay.predictions import positive, same_images, score, two_class, unseen
from assay.promotion import JudgementSettings, PromotionDecision, objections_to_robustness
from assay.records import Label
from assay.robustness import Robustness

if TYPE_CHECKING:
    import pandas as pd

WEIGHT = "weight"
"""Column of the images of the traffic that a labelled one stands for; NaN counts as itself."""
_CUT_BY = ("label", "manipulation", "dataset", "stratum")
_FEWEST = 5
"""Groups of either class below which a part is not told apart from chance, and not looked at."""
_UNUSED = (0.5, 0.5)
"""Neither the AUC nor the Brier score has a threshold."""


class SuccessionSettings(JudgementSettings):
    """When a model that was moved to newer traffic replaces the champion."""

    max_loss: float = Field(0.02, ge=0, le=1)
    """How much lower the AUC on the champion's test split may be; in a part of either set a loss
    that is larger than this refuses where its interval lies below 0."""
    min_gain: float = Field(0.0, ge=-1, le=1)
    """What the lower end of the gain on the newest labels has to exceed: in AUC, or in Brier
    score, which also counts what a calibration mends."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """What both models say about the same images, as `assay.predictions.predict` gives it."""

    challenger: pd.DataFrame
    champion: pd.DataFrame


def decide(
    newest: Rivals,
    frozen: Rivals,
    settings: SuccessionSettings,
    robustness: Robustness | None = None,
) -> PromotionDecision:
    """Whether the challenger becomes champion.

    ``newest`` are the newest labelled images of the traffic, ``frozen`` the champion's test split.
    Better means an interval: of the AUC over all of the newest images, or over the authentic ones
    and those of one label, corrected for the number of looks, or of the Brier score. The
    decision's ``difference`` is that of the AUC over all newest images.
    """
    if not all(same_images(pair.challenger, pair.champion) for pair in (newest, frozen)):
        return PromotionDecision(False, ("both models have to be asked about one set",), None)
    recent, old = _Compared.of(newest, settings), _Compared.of(frozen, settings)
    objections = [*_losses(recent, settings, "newest labels"), *_losses(old, settings, "test")]
    merits = list(_gains(recent, settings))
    if not merits:
        objections.insert(0, f"not credibly better on the newest labels: {recent.words()}")
    if old.whole is not None and old.whole.value < -settings.max_loss:
        objections.append(f"worse on the test split: {old.words()}")
    fragile, robust = objections_to_robustness(robustness, settings)
    objections += fragile
    merits.append(f"not worse on the test split: {old.words()}")
    reasons = (*(objections or merits), *(() if fragile else robust))
    return PromotionDecision(not objections, reasons, recent.whole, recent.own)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Challenger minus champion: of the AUC, over all images and in parts, and of the Brier score.

    Intervals of parts are widened for their number (Bonferroni); None where a class is missing.
    """

    whole: Metric | None
    brier: Metric | None
    parts: dict[str, Metric]
    own: Metric | None
    """The challenger's AUC over all images."""

    @classmethod
    def of(cls, pair: Rivals, settings: JudgementSettings) -> _Compared:
        rows = _fair(pair)
        bootstrap = Bootstrap(settings.resamples, settings.seed)
        cuts = dict(_cut(rows))
        found = {name: _changes(part, bootstrap)["auc"] for name, part in cuts.items()}
        looks = len(cuts)
        parts = {
            name: _widened(change, cuts[name], looks)
            for name, change in found.items()
            if change is not None
        }
        whole = _changes(rows, bootstrap)
        return cls(whole["auc"], whole["brier"], parts, _auc(rows, bootstrap))

    def words(self) -> str:
        """The differences over all images."""
        if self.whole is None or self.brier is None:
            return "the images that neither model was fitted on lack authentic or other ones"
        brier = f"Brier score {_words(self.brier)}, lower is better"
        return f"AUC difference {_words(self.whole)}, {brier}, {self.whole.n} images"


def _losses(compared: _Compared, settings: SuccessionSettings, where: str) -> Iterator[str]:
    """Parts, or the whole, that are credibly worse."""
    if compared.whole is not None and compared.whole.high < 0:
        yield f"credibly worse on the {where}: {compared.words()}"
    for name, change in compared.parts.items():
        if change.high < 0 and change.value < -settings.max_loss:
            yield f"credibly worse on the {where}, {name}: AUC difference {_words(change)}"


def _gains(compared: _Compared, settings: SuccessionSettings) -> Iterator[str]:
    """In what the challenger is credibly better, if in anything."""
    least, where = settings.min_gain, "better on the newest labels"
    ranks_better = compared.whole is not None and compared.whole.low > least
    if ranks_better or (compared.brier is not None and compared.brier.high < -least):
        yield f"{where}: {compared.words()}"
    for name, change in compared.parts.items():
        if name.startswith("label ") and change.low > least:
            yield f"{where}, {name}: AUC difference {_words(change)}"


def _fair(pair: Rivals) -> pd.DataFrame:
    """Images that neither model was fitted on: ``rival`` is the champion's score."""
    rival = unseen(pair.champion).set_index("image_id")
    rows = unseen(pair.challenger)
    rows = two_class(rows[rows["image_id"].isin(rival.index)])
    return rows.assign(rival=score(rival.loc[rows["image_id"]]))


def _cut(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Parts with enough groups of either class: of edits, with all authentic images."""
    authentic = rows["label"] == Label.AUTHENTIC.value
    for by in (column for column in _CUT_BY if column in rows):
        is_of_edits = by in ("label", "manipulation")
        for name in sorted(set(rows[by][~authentic]) - {""}):
            inside = rows[by] == name
            part = rows[authentic | inside if is_of_edits else inside]
            edited = positive(part["label"])
            enough = independent_groups(edited, part["group"].to_numpy(str)) >= _FEWEST
            if 0 < edited.sum() < len(part) < len(rows) and enough:
                yield f"{by} {name}", part


def _changes(rows: pd.DataFrame, bootstrap: Bootstrap) -> dict[str, Metric | None]:
    """Challenger minus champion, by metric."""
    if rows.empty:
        return {"auc": None, "brier": None}
    found = differences(
        rows["rival"].to_numpy(np.float64),
        score(rows),
        positive(rows["label"]),
        rows["group"].to_numpy(str),
        _UNUSED,
        bootstrap,
        ["auc", "brier"],
        _counts(rows),
    )
    return {name: None if one is None else one.change for name, one in found.items()}


def _auc(rows: pd.DataFrame, bootstrap: Bootstrap) -> Metric | None:
    """Of the challenger, to be held to later.

    Where it ranks all images rightly, so does each resample; what as many groups without a mistake
    leave open is the rule of three's (Hanley and Lippman-Hand 1983, JAMA 249:1743-1745).
    """
    if rows.empty:
        return None
    said, truth, groups = score(rows), positive(rows["label"]), rows["group"].to_numpy(str)
    found = measure(said, truth, groups, _UNUSED[0], bootstrap, ["auc"], _counts(rows))["auc"]
    if found is None:
        return None
    unsure = 3 / independent_groups(truth, groups)
    return replace(found, low=max(0.0, min(found.low, 1 - unsure)))


def _counts(rows: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    return rows[WEIGHT].fillna(1.0).to_numpy(np.float64) if WEIGHT in rows else None


def _widened(change: Metric, rows: pd.DataFrame, looks: int) -> Metric:
    """``change`` with an interval for one of several ``looks`` (Bonferroni)."""
    free = independent_groups(positive(rows["label"]), rows["group"].to_numpy(str)) - 1
    tail = (1 - COVERAGE) / 2
    wider = float(stdtrit(free, 1 - tail / looks) / stdtrit(free, 1 - tail))
    low, high = (change.value + wider * (end - change.value) for end in (change.low, change.high))
    return Metric(change.value, low, high, change.n)


def _words(metric: Metric) -> str:
    return f"{metric.value:+.3f} [{metric.low:+.3f}, {metric.high:+.3f}]"
