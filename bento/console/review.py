"""Review: one case at a time, the next ones claimed ahead, decided by two keys.

The page itself claims nothing: review.js takes cases from ``/review/next`` and gives back, by a
beacon when it is left, those that were never looked at. The case on screen stays with whoever
looks at it until its lease ends, so that a reload shows it again.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from assay.errors import NotYourCase
from assay.store import Case, HumanLabel, Vote
from bento.api.schemas import Shape
from bento.console import cases
from bento.console.pages import Deciding, Here, fragment, page
from bento.refusals import InvalidRequest
from bento.runtime import Runtime

_DAY = 86_400.0

router = APIRouter(prefix="/review", include_in_schema=False)

CaseId = Annotated[str, Path(max_length=64)]
FeedbackId = Annotated[int, Path(ge=1, lt=2**63)]


class VoteIn(Shape):
    """What review.js sends of a decision."""

    label: HumanLabel
    action: str = Field("", max_length=40)
    reason_code: str = Field("", max_length=40)
    note: str = Field("", max_length=2000)
    seconds: float = Field(ge=0, le=_DAY)
    """From the image being painted to the vote."""


class Decided(Shape):
    """What became of a vote."""

    feedback: int
    """To undo it by."""
    sentence: str
    model: str
    """What the model had said; empty where it was no secret."""


@router.get("")
def get_review(here: Here, visitor: Deciding) -> HTMLResponse:
    """The page, without a case."""
    return page(here, visitor, "review.html", **cases.choices(here))


@router.get("/next")
def get_next(here: Here, visitor: Deciding) -> Response:
    """The next case, claimed for the visitor; 204 where nobody needs one decided."""
    case = here.store.review.claim(visitor.who)
    return Response(status_code=204) if case is None else _case(here, case, visitor.who)


@router.post("/{case_id}/claim")
def post_claim(case_id: CaseId, here: Here, visitor: Deciding) -> Response:
    """A case that the visitor looks at, for another lease; `NotYourCase` where it is gone."""
    return _case(here, here.store.review.take(case_id, visitor.who), visitor.who)


@router.post("/{case_id}/decision")
def post_decision(case_id: CaseId, vote: VoteIn, here: Here, visitor: Deciding) -> Decided:
    """Decide a case, with all captures of the same pixels."""
    _check(here, vote)
    number = here.store.review.decide(case_id, visitor.who, Vote(**vote.model_dump()))
    decision = here.store.feedback.get(number)
    model = ""
    if decision.is_blind:
        model = cases.compared(here.store.captures.get(decision.capture_id), decision)
    return Decided(feedback=number, sentence=cases.spoken(decision), model=model)


@router.post("/{case_id}/skip", status_code=204)
def post_skip(case_id: CaseId, here: Here, visitor: Deciding) -> None:
    """Leave a case to everybody else."""
    here.store.review.skip(case_id, visitor.who)


@router.post("/{case_id}/release", status_code=204)
def post_release(case_id: CaseId, here: Here, visitor: Deciding) -> None:
    """Give a case back that nobody has looked at."""
    here.store.review.release(case_id, visitor.who)


@router.post("/undo/{feedback}")
def post_undo(feedback: FeedbackId, here: Here, visitor: Deciding) -> Response:
    """Take a vote back and have its case again; 204 where somebody else was faster to claim it."""
    case_id = here.store.feedback.undo(feedback, visitor.who)
    try:
        case = here.store.review.take(case_id, visitor.who)
    except NotYourCase:
        return Response(status_code=204)
    return _case(here, case, visitor.who)


def _case(here: Runtime, case: Case, account: str) -> HTMLResponse:
    values: dict[str, Any] = cases.shown(here, case, account)
    return fragment("case.html", **values)


def _check(here: Runtime, vote: VoteIn) -> None:
    """Raise `InvalidRequest` for what is not configured, and for a judgement without an action."""
    actions, reasons = here.settings.actions, here.settings.reason_codes
    if vote.action not in actions and not (vote.label is HumanLabel.UNSURE and not vote.action):
        raise InvalidRequest(f"action is none of {', '.join(actions)}")
    if vote.reason_code and vote.reason_code not in reasons:
        raise InvalidRequest(f"reason_code is none of {', '.join(reasons)}")
