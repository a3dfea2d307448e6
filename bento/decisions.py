"""What people decided, in the words of notices."""

from __future__ import annotations

from assay.notices import BENIGN, HumanDecision
from assay.records import Label
from assay.store import Decision, HumanLabel


def human_decision(decision: Decision | None) -> HumanDecision | None:
    """A decision in the words of notices; None where nobody decided, or nobody was sure."""
    if decision is None or decision.label in (None, HumanLabel.UNSURE):
        return None
    return HumanDecision(Label(decision.label), decision.reason_code == BENIGN)


def is_cleared(decision: Decision | None) -> bool:
    """Whether people found an image authentic, or altered harmlessly."""
    human = human_decision(decision)
    return human is not None and (human.label is Label.AUTHENTIC or human.is_benign)
