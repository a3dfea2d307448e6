"""One decision to take away: as a signed case file, and as a published review."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from assay import case_file
from bento import cases, decisions, known_images
from bento.api.detections import Here
from bento.api.parameters import CaptureId, Reader, judged_capture
from bento.refusals import NotDecided

router = APIRouter(prefix="/v1/detections/{capture_id}", tags=["case files"])

_JSON_LD = "application/ld+json"
_REVIEW = {
    "@context": "https://schema.org",
    "@type": "MediaReview",
    "url": "https://assay.example/v1/detections/01936f3e-8d2c-7a41-9b1e-5f0c2d7a6e34",
    "datePublished": "2026-05-01T10:05:00+00:00",
    "author": {"@type": "Organization", "name": "Example Platform"},
    "mediaAuthenticityCategory": "https://schema.org/TransformedContent",
    "itemReviewed": {
        "@type": "MediaReviewItem",
        "mediaItemAppearance": {
            "@type": "ImageObject",
            "sha256": "0" * 64,
            "encodingFormat": "image/jpeg",
            "width": 1280,
            "height": 853,
            "url": "https://example.org/post/42",
        },
    },
}


@router.get(
    "/case.zip",
    summary="The decision as a signed file",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
def case_zip(
    capture_id: CaptureId,
    here: Here,
    asking: Reader,
    image: Annotated[bool, Query(description="Enclose the image, where it is kept.")] = True,
) -> Response:
    """The case for people and programs, to be opened without us.

    ``python -m assay verify FILE`` checks the signature and derives the verdict again.
    """
    capture = judged_capture(here, asking, capture_id)
    kept = here.store.captures.image(capture_id)
    known = known_images.still_known(here.engine.known, capture)
    case = cases.case_of(capture, kept, here.store.feedback.history(capture_id), here.model, known)
    packed = case_file.write(case, here.case_key, kept if image else None)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="case-{capture_id}.zip"',
    }
    return Response(packed, media_type="application/zip", headers=headers)


@router.get(
    "/media-review.json",
    summary="The human decision as a MediaReview",
    response_class=Response,
    responses={200: {"content": {_JSON_LD: {"schema": {"type": "object"}, "example": _REVIEW}}}},
)
def media_review(capture_id: CaptureId, here: Here, asking: Reader) -> Response:
    """https://schema.org/MediaReview in JSON-LD; 409 ``not_decided`` before people decided.

    A machine's verdict alone is never published as a review.
    """
    capture = judged_capture(here, asking, capture_id)
    decision = here.store.feedback.decision(capture_id)
    if decision is None or decisions.human_decision(decision) is None:
        raise NotDecided("nobody has decided about this image yet; only decisions are published")
    address = f"{here.settings.public_url}/v1/detections/{capture_id}"
    review = cases.media_review(capture, decision, here.settings.publisher, address)
    return JSONResponse(review, media_type=_JSON_LD, headers={"Cache-Control": "no-store"})
