"""What was answered, read back as something to decide again: under another policy or model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from assay import notices
from assay.evidence import Role, examiners
from assay.notices import Level
from assay.policy import Judged, Rules, as_row
from assay.records import Label
from assay.siblings import Kinship
from assay.store.capture import Notice, Sibling


class Kept(Protocol):
    """An answer as it is kept: `assay.store.Capture`, or the columns of one."""

    @property
    def label(self) -> Label:
        """As served."""

    @property
    def probabilities(self) -> Mapping[str, float]:
        """By label, as the model was calibrated."""

    @property
    def stratum(self) -> str:
        """Of the file."""

    @property
    def needs_review(self) -> bool:
        """As served."""

    @property
    def notice(self) -> Notice:
        """As served."""

    @property
    def notice_reason(self) -> str:
        """Which rule spoke."""

    @property
    def is_stable(self) -> bool | None:
        """Whether re-scorings said the label again; None where nobody tried."""

    @property
    def siblings(self) -> Sequence[Sibling]:
        """Near-duplicates that were known."""

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        """As served; looked at only where people were asked."""


def judged(kept: Kept, hears_the_model: bool) -> Judged:
    """What was known when this was answered, by the model that answered it."""
    probabilities = as_row(kept.probabilities[label.value] for label in Label)
    is_doubtful = _lacked_evidence(kept, hears_the_model) or kept.is_stable is False
    return seen_by(kept, probabilities, is_doubtful)


def seen_by(kept: Kept, probabilities: tuple[float, float, float], is_doubtful: bool) -> Judged:
    """The same where another model says ``probabilities``: the file and its siblings stay.

    What is doubtful to that model goes to people whatever the score.
    """
    is_benign = _is_benign(kept)
    for_people = is_doubtful or (_differs(kept) and not is_benign)
    return Judged(probabilities, kept.stratum, for_people, is_benign, _stated(kept))


def still_holds(kept: Kept, rules: Rules, hears_the_model: bool) -> bool:
    """Whether ``rules`` of the model that answered would decide now as was decided then."""
    answer = rules.answer(judged(kept, hears_the_model))
    then = kept.label, kept.needs_review, kept.notice.value
    return (answer.label, answer.needs_review, answer.level.value) == then


def _lacked_evidence(kept: Kept, hears_the_model: bool) -> bool:
    """As `assay.detector` asked: nothing that counts could be measured, and nobody else spoke."""
    if hears_the_model or not kept.needs_review:
        return False
    fused = {name for name, each in examiners().items() if each.role is Role.FUSED}
    measured = (each for each in kept.findings if each.get("id") in fused)
    return all(each.get("null_rate") is None for each in measured)


def _differs(kept: Kept) -> bool:
    return any(each.kind == Kinship.LOCALLY_DIFFERENT for each in kept.siblings)


def _is_benign(kept: Kept) -> bool:
    """Whether nothing was told as people had cleared the picture that this is a copy of."""
    is_copy = any(each.kind == Kinship.SAME_CONTENT for each in kept.siblings)
    return is_copy and kept.label is not Label.AUTHENTIC and kept.notice is Notice.NONE


def _stated(kept: Kept) -> tuple[Level, str] | None:
    is_stated = notices.is_of_file(kept.notice_reason)
    return (Level(kept.notice.value), kept.notice_reason) if is_stated else None
