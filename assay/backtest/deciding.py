"""Every capture decided twice: as it was served, and as a model and a policy would decide it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assay import duplicates, notices
from assay.backtest.replay import Rescored
from assay.evidence import Role, examiners
from assay.notices import Level
from assay.policy import Judged, Rules, as_row
from assay.records import Label
from assay.siblings import Kinship
from assay.store.capture import Notice, Selection
from assay.store.feedback import HumanLabel
from assay.store.traffic import Served

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Contender:
    """What is to decide instead of what did."""

    version: str
    """Of the model, as captures carry it."""
    rules: Rules
    hears_the_model: bool


def needs_scores(served: Iterable[Served], version: str) -> dict[str, str]:
    """A capture with a kept image for each pixel digest that another model answered."""
    others = (one for one in served if one.model_version != version and one.is_kept)
    return {one.pixel_digest: one.id for one in others}


def decided(
    served: Sequence[Served], contender: Contender, scores: Mapping[str, Rescored]
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


def _judged(one: Served, contender: Contender, scores: Mapping[str, Rescored]) -> Judged | str:
    """What is decided from, or why there is nothing."""
    if one.model_version == contender.version:
        kept = (one.probabilities[label.value] for label in Label)
        said = Rescored(as_row(kept), _lacked_evidence(one, contender))
    elif (found := scores.get(one.pixel_digest)) is None:
        return "image not kept"
    else:
        said = found
    if said.error:
        return "image cannot be read any more"
    is_benign = _is_benign(one)
    differs = any(each["kind"] == Kinship.LOCALLY_DIFFERENT for each in one.siblings)
    for_people = said.lacks_evidence or (differs and not is_benign)
    return Judged(said.probabilities, one.stratum, for_people, is_benign, _stated(one))


def _row(one: Served, judged: Judged, rules: Rules) -> dict[str, Any]:
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


def _lacked_evidence(one: Served, contender: Contender) -> bool:
    """As `assay.detector` asked when this was served; its findings are read for reviews alone."""
    if contender.hears_the_model or not one.needs_review:
        return False
    fused = {name for name, each in examiners().items() if each.role is Role.FUSED}
    measured = (each for each in one.findings if each.get("id") in fused)
    return all(each.get("null_rate") is None for each in measured)


def _is_benign(one: Served) -> bool:
    """Whether nothing was told as people had cleared the picture that this is a copy of."""
    is_copy = any(each["kind"] == Kinship.SAME_CONTENT for each in one.siblings)
    return is_copy and one.label is not Label.AUTHENTIC and one.notice is Notice.NONE


def _stated(one: Served) -> tuple[Level, str] | None:
    is_stated = notices.is_of_file(one.notice_reason)
    return (Level(one.notice.value), one.notice_reason) if is_stated else None


def _groups(table: pd.DataFrame, served: Mapping[str, Served]) -> list[str]:
    """A name for each row: copies and the near-duplicates that were known share one."""
    places = {name: place for place, name in enumerate(table["capture_id"])}
    first: dict[str, int] = {}
    pairs = [(first.setdefault(image, n), n) for n, image in enumerate(table["image"])]
    for name, place in places.items():
        known = (places.get(each["id"]) for each in served[name].siblings)
        pairs += [(other, place) for other in known if other is not None]
    return [str(label) for label in duplicates.components(len(table), pairs)]
