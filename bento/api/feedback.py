"""What people make of a detection: decisions, reports, appeals, and its deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from assay import signing_keys
from assay.errors import did_you_mean
from assay.store import Decision, Scope, Vote
from bento import pseudonyms
from bento.api.auth import Caller, allowed
from bento.api.decision_schemas import (
    AppealIn,
    DecisionEntry,
    FeedbackIn,
    History,
    Recorded,
    ReportIn,
)
from bento.api.detections import Here
from bento.api.parameters import READS, CaptureId, Decider, name_of
from bento.refusals import InvalidRequest
from bento.runtime import Runtime

router = APIRouter(prefix="/v1", tags=["decisions"])

_LARGEST = 2**63 - 1
_REPORTER = b"assay reporter v1\n"
"""Signed in front of a reporter's name: the digest serves nothing else that the key signs."""


@router.post("/detections/{capture_id}/feedback", summary="Record what a person decided")
def give_feedback(capture_id: CaptureId, said: FeedbackIn, here: Here, asking: Decider) -> Recorded:
    """The decision holds for all pixel-equal images, and the notice follows it."""
    vote = vote_of(here, said)
    return Recorded(feedback=here.store.feedback.record(capture_id, name_of(asking), vote))


@router.delete(
    "/feedback/{number}", summary="Take back a vote", status_code=204, response_class=Response
)
def take_back(
    number: Annotated[int, Path(description="Of the vote.", ge=1, le=_LARGEST)],
    here: Here,
    asking: Decider,
) -> Response:
    """Only one's own vote, once; the history keeps both, and the case is open again."""
    here.store.feedback.undo(number, name_of(asking))
    return Response(status_code=204)


@router.post(
    "/detections/{capture_id}/report",
    summary="Count an end user's report",
    status_code=204,
    response_class=Response,
)
def report(
    capture_id: CaptureId,
    said: ReportIn,
    here: Here,
    asking: Annotated[Caller, Depends(allowed(Scope.REPORT))],
) -> Response:
    """Raises the case in the queue, or brings it there; of the reporter only a digest is kept."""
    here.store.reports.add(capture_id, _digest(here, asking, said), said.reason, said.note)
    return Response(status_code=204)


@router.post(
    "/detections/{capture_id}/appeal",
    summary="Have it decided again",
    status_code=204,
    response_class=Response,
)
def appeal(capture_id: CaptureId, said: AppealIn, here: Here, asking: Decider) -> Response:
    """Puts the case before somebody who has not decided it; until then the decision stands."""
    here.store.review.appeal(capture_id, name_of(asking), said.note)
    return Response(status_code=204)


@router.get(
    "/detections/{capture_id}/history",
    summary="What people decided, oldest first",
    dependencies=[READS],
)
def history(capture_id: CaptureId, here: Here) -> History:
    """Every vote and what took it back, of all pixel-equal images."""
    here.store.captures.get(capture_id)
    return History(decisions=_entries(here.store.feedback.history(capture_id)))


@router.delete(
    "/detections/{capture_id}",
    summary="Delete a detection and its image",
    status_code=204,
    response_class=Response,
)
async def delete(
    capture_id: CaptureId, here: Here, asking: Annotated[Caller, Depends(allowed(Scope.DELETE))]
) -> Response:
    """What describes the image, the post and its sender is gone; that it was done is logged."""
    capture = await asyncio.to_thread(here.store.captures.get, capture_id)
    await asyncio.to_thread(here.store.retention.delete, capture_id, name_of(asking))
    here.forget(capture.image_digest)
    return Response(status_code=204)


def vote_of(here: Runtime, said: FeedbackIn) -> Vote:
    """A vote in the configured words; raises `InvalidRequest` for others."""
    _require("action", said.action, here.settings.actions)
    _require("reason_code", said.reason_code, here.settings.reason_codes)
    return Vote(said.label, said.action, said.reason_code, said.note)


def _require(field: str, given: str, known: Sequence[str]) -> None:
    if given and given not in known:
        hint = did_you_mean(given, known)
        raise InvalidRequest(f"{field}: no {given!r} here{hint}; known: {', '.join(known)}")


def _digest(here: Runtime, asking: Caller, said: ReportIn) -> str:
    """Who reports, beyond recognition: a plain digest of a name could be guessed."""
    told = "\n".join((asking.client, said.reporter))
    return signing_keys.mac(here.url_keys[0], _REPORTER + told.encode()).hex()


def _entries(decisions: Sequence[Decision]) -> list[DecisionEntry]:
    names = pseudonyms.of(decisions)
    return [
        DecisionEntry(
            feedback=one.id,
            by=names[one.who],
            at=one.created_at,
            label=one.label,
            action=one.action,
            reason_code=one.reason_code,
            note=one.note,
            is_blind=one.is_blind,
            undoes=one.undoes,
        )
        for one in decisions
    ]
