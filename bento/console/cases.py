"""A case in the words of its page: what a moderator sees of it, and what stays hidden."""

from __future__ import annotations

from typing import Any

from assay import notices
from assay.records import Label
from assay.store import Capture, Case, Decision
from bento.api import answers
from bento.console.cards import band
from bento.console.rendering import LABELS
from bento.runtime import Runtime
from bento.settings import Blur

WHY = {
    "needs_review": "The model is unsure",
    "audit": "Random audit",
    "report": "Reported by users",
    "appeal": "Appealed",
    "feedback": "Decided from outside",
    "undone": "A decision was taken back",
    "conflict": "Labelled in two ways",
}
"""Why a case is in the queue, by `Case.reason`."""
SUGGESTED = {
    "authentic": ("allow", "no_violation"),
    "manipulated": ("label", "misleading_edit"),
    "synthesized": ("label", "synthetic_content"),
}
"""The action and the reason code that a label brings along, where the service has them."""

_TOLD = ("report", "appeal")
_OTHERS = "another moderator"


def shown(here: Runtime, case: Case, account: str) -> dict[str, Any]:
    """What case.html expects of a case that ``account`` holds; reads the database.

    Of an audit neither verdict nor evidence is among it, nor what would tell of them.
    """
    capture = _seen(case)
    blur = here.settings.blur
    return {
        "case": case,
        "why": why(case),
        "lease": int((case.held_until - here.store.database.now()).total_seconds()),
        "detection": _detection(here, case, capture),
        "band": band(here),
        "has_image": capture.keep_image,
        "uploaded_at": case.captures[-1].created_at,
        "caption": capture.caption,
        "post_url": capture.post_url,
        "blur": "" if blur is Blur.NEVER else blur.value,
        "voices": here.store.reports.of_case(case.id) if case.reports or case.appeals else (),
        "history": () if case.is_audit else _history(here, capture, account),
    }


def choices(here: Runtime) -> dict[str, Any]:
    """What review.html expects of the settings: actions, reasons, and what a label suggests."""
    settings = here.settings
    return {
        "actions": [{"id": name, "title": in_words(name)} for name in settings.actions],
        "reasons": [{"code": code, "title": in_words(code)} for code in settings.reason_codes],
        "suggested": {label: suggestion(here, label) for label in SUGGESTED},
    }


def suggestion(here: Runtime, label: str) -> dict[str, str]:
    """The action and the reason code that ``label`` brings along; empty where there is none."""
    action, reason = SUGGESTED[label]
    return {
        "action": action if action in here.settings.actions else "",
        "reason": reason if reason in here.settings.reason_codes else "",
    }


def why(case: Case) -> str:
    """Why a case is in the queue; of an audit not that the model was unsure."""
    reason = "audit" if case.is_audit and case.reason not in _TOLD else case.reason
    return WHY.get(reason, in_words(reason))


def spoken(decision: Decision) -> str:
    """A vote in a few words: "Manipulated, remove"."""
    said = LABELS[decision.label.value] if decision.label else "Taken back"
    return f"{said}, {in_words(decision.action).lower()}" if decision.action else said


def compared(capture: Capture, decision: Decision) -> str:
    """What the model had said of an image that was judged without it."""
    agrees = "you agree" if decision.label == capture.label.value else "you differ"
    said = LABELS[Label(capture.label).value]
    return f"The model had said: {said}, score {capture.score:.2f}; {agrees}."


def in_words(name: str) -> str:
    """``misleading_edit`` as people write it: "Misleading edit"."""
    return name.replace("_", " ").capitalize()


def _seen(case: Case) -> Capture:
    """The newest capture of a case, if possible one whose image was kept."""
    return next((one for one in case.captures if one.keep_image), case.captures[0])


def _detection(here: Runtime, case: Case, capture: Capture) -> Any:
    if case.is_audit:
        return {"id": capture.id}
    return answers.detection(here, capture, notices.preferred(""))


def _history(here: Runtime, capture: Capture, account: str) -> list[dict[str, Any]]:
    """Earlier votes without their authors, so that nobody decides for or against a colleague."""
    return [
        {
            "id": row.id,
            "who": "you" if row.who == account else _OTHERS,
            "created_at": row.created_at,
            "label": row.label and row.label.value,
            "action": row.action,
            "reason_code": row.reason_code,
            "note": row.note,
            "is_blind": row.is_blind,
            "undoes": row.undoes,
        }
        for row in here.store.feedback.history(capture.id)
    ]
