"""A detection as its card shows it, and who may not see its verdict yet."""

from __future__ import annotations

from typing import Any

from assay.store import Capture, Role
from bento.api import answers
from bento.console.pages import Visitor
from bento.runtime import Runtime


def card(here: Runtime, visitor: Visitor, capture: Capture, language: str) -> dict[str, Any]:
    """What card.html expects; reads the database.

    Of a hidden verdict nothing is handed to the template, so that nothing can leak.
    """
    is_hidden = bool(hidden_from(here, visitor, [capture]))
    shown = {"id": capture.id} if is_hidden else _detection(here, capture, language)
    return {
        "detection": shown,
        "is_hidden": is_hidden,
        "band": band(here),
        "caption": capture.caption,
        "post_url": capture.post_url,
        "is_graphic": False,
    }


def hidden_from(here: Runtime, visitor: Visitor, captures: list[Capture]) -> set[str]:
    """Those of ``captures`` on which the visitor may yet vote without knowing the verdict."""
    if not visitor.may(Role.MODERATOR):
        return set()
    return set(here.store.audits.hidden_from(visitor.who, captures))


def band(here: Runtime) -> dict[str, float]:
    """The scores that are handed to people."""
    calibration = here.model.calibration
    return {"low": calibration.review_low, "high": calibration.review_high}


def _detection(here: Runtime, capture: Capture, language: str) -> dict[str, Any]:
    return answers.detection(here, capture, language).model_dump(mode="json")
