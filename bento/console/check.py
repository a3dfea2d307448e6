"""Check: images in, their cards out; each detection on a page of its own, with what people said."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response
from fastapi.responses import HTMLResponse
from pydantic import ConfigDict

from assay.images import FORMATS, MAX_BYTES
from assay.store import Role
from bento.api import answers
from bento.api.decision_schemas import FeedbackIn
from bento.api.detections import Language
from bento.api.feedback import vote_of
from bento.console import cases
from bento.console.cards import card, hidden_from
from bento.console.pages import Deciding, Here, Looking, fragment, page, visitor
from bento.console.thumbnails import thumbnail_of

router = APIRouter(include_in_schema=False)

CaptureId = Annotated[str, Path(max_length=64)]


class VoteForm(FeedbackIn):
    """The same in a form, which has a CSRF token beside it."""

    model_config = ConfigDict(extra="ignore")


@router.get("/")
def get_check(here: Here, viewer: Looking) -> HTMLResponse:
    """The page that takes images; check.js sends them to /v1/detect."""
    limits = {"megabytes": MAX_BYTES / 2**20, "formats": FORMATS}
    may_check = viewer.may(Role.MODERATOR)
    model = here.model.version
    return page(here, viewer, "check.html", limits=limits, model=model, may_check=may_check)


@router.get("/detections/{capture_id}/card")
def get_card(
    capture_id: CaptureId, here: Here, viewer: Looking, accepted: Language = None
) -> HTMLResponse:
    """The card of a detection, to be put below others."""
    capture = here.store.captures.get(capture_id)
    return fragment("card.html", **card(here, viewer, capture, answers.language_of(accepted)))


@router.get("/detections/{capture_id}")
def get_detection(
    capture_id: CaptureId, here: Here, viewer: Looking, accepted: Language = None
) -> HTMLResponse:
    """A detection on its own, with what people decided and, for moderators, the form to decide."""
    capture = here.store.captures.get(capture_id)
    return page(
        here,
        viewer,
        "detection.html",
        **card(here, viewer, capture, answers.language_of(accepted)),
        **cases.choices(here),
        history=here.store.feedback.history(capture_id),
        may_decide=viewer.may(Role.MODERATOR),
    )


@router.post("/detections/{capture_id}/feedback")
def post_feedback(
    capture_id: CaptureId, here: Here, viewer: Deciding, said: Annotated[VoteForm, Form()]
) -> Response:
    """Record a vote; a verdict that was hidden until then makes the page load anew."""
    vote = vote_of(here, said)
    capture = here.store.captures.get(capture_id)
    is_blind = bool(hidden_from(here, viewer, [capture]))
    here.store.feedback.record(capture_id, viewer.who, replace(vote, is_blind=is_blind))
    answer = fragment("decisions.html", history=here.store.feedback.history(capture_id))
    if is_blind:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/detections/{capture_id}/thumbnail.jpg", dependencies=[Depends(visitor)])
async def get_thumbnail(capture_id: CaptureId, here: Here) -> Response:
    """The image, small enough for a list."""
    small = await thumbnail_of(here, capture_id)
    headers = {"Cache-Control": "private, max-age=86400"}
    return Response(small, media_type="image/jpeg", headers=headers)
