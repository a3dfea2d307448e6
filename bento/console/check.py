"""Check: images in, their cards out; each detection on a page of its own, with what people said."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from assay.images import FORMATS, MAX_BYTES
from assay.store import HumanLabel, Role, Vote
from bento.api import answers
from bento.api.detections import Language
from bento.console import cases
from bento.console.cards import card, hidden_from
from bento.console.pages import Deciding, Here, Looking, fragment, page, visitor
from bento.console.thumbnails import Thumbnails
from bento.refusals import InvalidRequest

router = APIRouter(include_in_schema=False)

CaptureId = Annotated[str, Path(max_length=64)]


class VoteForm(BaseModel):
    """The fields of the feedback form."""

    model_config = ConfigDict(frozen=True)

    label: HumanLabel
    action: str = ""
    reason_code: str = ""
    note: str = Field("", max_length=2000)


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
    _require(said.action, here.settings.actions)
    _require(said.reason_code, here.settings.reason_codes)
    capture = here.store.captures.get(capture_id)
    is_blind = bool(hidden_from(here, viewer, [capture]))
    vote = Vote(said.label, said.action, said.reason_code, said.note, is_blind=is_blind)
    here.store.feedback.record(capture_id, viewer.who, vote)
    answer = fragment("decisions.html", history=here.store.feedback.history(capture_id))
    if is_blind:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/detections/{capture_id}/thumbnail.jpg", dependencies=[Depends(visitor)])
async def get_thumbnail(capture_id: CaptureId, here: Here, thumbnails: Thumbnails) -> Response:
    """The image, small enough for a list."""
    small = await thumbnails.of(here, capture_id)
    headers = {"Cache-Control": "private, max-age=86400"}
    return Response(small, media_type="image/jpeg", headers=headers)


def _require(given: str, known: tuple[str, ...]) -> None:
    if given and given not in known:
        raise InvalidRequest(f"no {given[:40]!r} here; known: {', '.join(known)}")
