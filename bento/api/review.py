"""The review queue over HTTP: claim a case, decide it, or give it back."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Response

from assay.store import Capture
from assay.store.review import Case
from bento.api import answers
from bento.api.decision_schemas import DecisionIn, Recorded, ReviewCase, Upload
from bento.api.detections import Here, Language
from bento.api.feedback import vote_of
from bento.api.parameters import CaseId, Decider, name_of
from bento.runtime import Runtime

router = APIRouter(prefix="/v1/review", tags=["review"])


@router.get(
    "",
    summary="Claim the next case",
    response_model=ReviewCase,
    responses={204: {"description": "No case is waiting for this caller"}},
)
def claim(here: Here, asking: Decider, accepted: Language = None) -> Response:
    """The most urgent case that nobody holds; it is the caller's until the lease ends.

    Each call gives another case, so that the next one can be fetched ahead. On an audit nothing
    that gives the verdict away is in the answer.
    """
    case = here.store.review.claim(name_of(asking))
    headers = {"Cache-Control": "no-store"}
    if case is None:
        return Response(status_code=204, headers=headers)
    body = shown(here, case, answers.language_of(accepted)).model_dump_json()
    return Response(body, media_type="application/json", headers=headers)


@router.post("/{case_id}/decision", summary="Decide a case that one holds")
def decide(case_id: CaseId, said: DecisionIn, here: Here, asking: Decider) -> Recorded:
    """Decides all uploads of the case; ``unsure`` leaves it to somebody else."""
    vote = replace(vote_of(here, said), seconds=said.seconds)
    return Recorded(feedback=here.store.review.decide(case_id, name_of(asking), vote))


@router.post(
    "/{case_id}/release", summary="Give a case back", status_code=204, response_class=Response
)
def release(case_id: CaseId, here: Here, asking: Decider) -> Response:
    """To everybody, the caller included."""
    here.store.review.release(case_id, name_of(asking))
    return Response(status_code=204)


@router.post(
    "/{case_id}/skip", summary="Leave a case to others", status_code=204, response_class=Response
)
def skip(case_id: CaseId, here: Here, asking: Decider) -> Response:
    """It is not handed to the caller again."""
    here.store.review.skip(case_id, name_of(asking))
    return Response(status_code=204)


def shown(here: Runtime, case: Case, language: str) -> ReviewCase:
    """A case as its holder may see it."""
    newest = None if case.is_audit else case.captures[0]
    return ReviewCase(
        id=case.id,
        # What brought an audit here as well would tell that the model was unsure.
        reason="audit" if case.is_audit else case.reason,
        is_audit=case.is_audit,
        uploads=[_upload(here, capture) for capture in case.captures],
        size=case.size,
        reach=case.reach,
        reports=case.reports,
        appeals=case.appeals,
        held_until=case.held_until,
        detection=None if newest is None else answers.detection(here, newest, language),
    )


def _upload(here: Runtime, capture: Capture) -> Upload:
    address = f"{here.settings.public_url}/v1/detections/{capture.id}/image"
    return Upload(
        id=capture.id,
        created_at=capture.created_at,
        external_id=capture.external_id,
        caption=capture.caption,
        post_url=capture.post_url,
        reach=capture.reach,
        image_url=address if capture.keep_image else None,
    )
