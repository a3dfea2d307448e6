"""Every capture decided twice: as it was served, and as a model and a policy would decide it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assay import duplicates, kept_answers, notices
from assay.backtest.replay import Rescored
from assay.policy import Judged, Rules
from assay.records import Label
from assay.store.answers import KeptAnswer
from assay.store.capture import Selection
from assay.store.feedback import HumanLabel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Contender:
    """What is to decide instead of what did."""

    version: str
    """Of the model, as captures carry it."""
    rules: Rules
    hears_the_model: bool


def needs_scores(served: Iterable[KeptAnswer], version: str) -> dict[str, str]:
    """A capture with a kept image for each pixel digest that another model answered."""
    others = (one for one in served if one.model_version != version and one.is_kept)
    return {one.pixel_digest: one.id for one in others}


def decided(
    served: Sequence[KeptAnswer], contender: Contender, scores: Mapping[str, Rescored]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row a capture, and how many were left out by reason.

    Columns are ``capture_id, created_at, client, image`` (pixel digest), ``group, stratum,
    model_version``, then ``label, score, review, notice, chance`` of both sides as ``old_*`` and
    ``new_*``, and ``human, is_cleared, is_drawn, seconds``. ``chance`` is the probability of being
    put before people; a capture ``is_drawn`` if it was, by design and not for a report, and
    ``is_hidden`` while it waits as an audit, whose verdict nobody may see.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    left_out: dict[str, int] = {}
    for one in served:
        judged = _judged(one, contender, scores)
        if isinstance(judged, str):
            left_out[judged] = left_out.get(judged, 0) + 1
        else:
            rows.append(_row(one, judged, contender.rules))
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table["group"] = _groups(table, {one.id: one for one in served})
    return table, left_out


def is_cleared(human: HumanLabel | None, reason_code: str) -> bool:
    """Whether people found an image authentic, or altered so that nobody is misled."""
    return human is HumanLabel.AUTHENTIC or (human is not None and reason_code == notices.BENIGN)


def _judged(one: KeptAnswer, contender: Contender, scores: Mapping[str, Rescored]) -> Judged | str:
    """What is decided from, or why there is nothing."""
    if one.model_version == contender.version:
        return kept_answers.judged(one, contender.hears_the_model)
    if (said := scores.get(one.pixel_digest)) is None:
        return "image not kept"
    if said.error:
        return "image cannot be read any more"
    return kept_answers.seen_by(one, said.probabilities, said.lacks_evidence)


def _row(one: KeptAnswer, judged: Judged, rules: Rules) -> dict[str, Any]:
    answer = rules.answer(judged)
    chance = rules.chance(answer.needs_review, one.audit_probability)
    old_score, human = 1 - one.probabilities[Label.AUTHENTIC.value], one.human_label
    old = one.label, old_score, one.needs_review, one.notice, one.selection_probability
    new = answer.label, judged.score, answer.needs_review, answer.level, chance
    return {
        "capture_id": one.id,
        "created_at": one.created_at,
        "client": one.client,
        "image": one.pixel_digest,
        "stratum": one.stratum,
        "model_version": one.model_version,
        **_named("old", *old),
        **_named("new", *new),
        "human": "" if human is None else human.value,
        "is_cleared": is_cleared(human, one.reason_code),
        "is_drawn": one.selection_reason is not Selection.NONE,
        "is_hidden": one.selection_reason is Selection.AUDIT and human is None,
        "seconds": one.seconds,
    }


def _named(
    side: str, label: Label, score: float, review: bool, notice: StrEnum, chance: float
) -> dict[str, Any]:
    given = label.value, score, review, notice.value, chance
    return {f"{side}_{name}": value for name, value in zip(_SIDE, given, strict=True)}


_ASKED = ("capture_id", "created_at", "client", "image", "stratum", "model_version")
_SIDE = ("label", "score", "review", "notice", "chance")
_KNOWN = ("human", "is_cleared", "is_drawn", "is_hidden", "seconds")
_COLUMNS = (*_ASKED, *(f"{side}_{name}" for side in ("old", "new") for name in _SIDE), *_KNOWN)


def _groups(table: pd.DataFrame, served: Mapping[str, KeptAnswer]) -> list[str]:
    """A name for each row: copies and the near-duplicates that were known share one."""
    places = {name: place for place, name in enumerate(table["capture_id"])}
    first: dict[str, int] = {}
    pairs = [(first.setdefault(image, n), n) for n, image in enumerate(table["image"])]
    for name, place in places.items():
        known = (places.get(each.id) for each in served[name].siblings)
        pairs += [(other, place) for other in known if other is not None]
    return [str(label) for label in duplicates.components(len(table), pairs)]
