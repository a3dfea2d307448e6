"""Asking for verdicts, and looking at those that were given."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from assay.errors import NotCaptured
from assay.rollout.nginx import VERDICT_HEADER
from assay.store import Capture, Scope
from bento import blindness, sandbox
from bento.api import answers, descriptions, submissions
from bento.api.auth import Caller, allowed
from bento.api.parameters import judged_capture
from bento.api.schemas import About, Detection, DetectJson
from bento.refusals import NotKept
from bento.runtime import Runtime, runtime

router = APIRouter(prefix="/v1", tags=["detections"])

Here = Annotated[Runtime, Depends(runtime)]
Language = Annotated[
    str | None,
    Header(alias="Accept-Language", max_length=500, description="Of the notice."),
]

_Reader = Annotated[Caller, Depends(allowed(Scope.READ, in_sandbox=True))]
_DetectionId = Annotated[str, Path(description="Of a detection, or of one of the sandbox.")]

_IMAGE = {"type": "string", "format": "binary"}
DETECT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": descriptions.form_schema(About, _IMAGE)},
            "application/json": {
                "schema": descriptions.schema(DetectJson),
                "example": {"url": "https://example.org/photo.jpg", "external_id": "post-42"},
            },
        },
    },
    "parameters": [
        {
            "name": submissions.IDEMPOTENCY_HEADER,
            "in": "header",
            "description": "The same key with the same body gives the same detection for a day.",
            "schema": {"type": "string", "maxLength": 200},
        }
    ],
}
"""What a request holds is read by hand (two media types, counted as it comes in), so it is
described by hand."""


@router.post("/detect", summary="Judge one image", openapi_extra=DETECT_BODY)
async def detect(
    request: Request,
    response: Response,
    here: Here,
    asking: Annotated[Caller, Depends(allowed(Scope.DETECT, in_sandbox=True))],
    accepted: Language = None,
) -> Detection:
    """Judge an image, sent as a file, as base64 or as an address.

    A pixel-equal image is answered from the store, and inherits what people decided of it.
    """
    asked = await submissions.submission(request, here, asking)
    if asking.is_sandbox:
        capture = await sandbox.detect(asked, here.engine)
    else:
        capture = await here.engine.detect(asked)
        if not asked.is_copy:
            await asyncio.to_thread(blindness.refuse_blind, request, here, capture)
    response.headers[VERDICT_HEADER] = f"{capture.label} {capture.score:.6f}"
    language = answers.language_of(accepted)
    return await asyncio.to_thread(answers.detection, here, capture, language)


@router.get(
    "/detections/{capture_id}",
    summary="A detection, with what was decided since",
)
def get_detection(
    capture_id: _DetectionId, here: Here, asking: _Reader, accepted: Language = None
) -> Detection:
    """The answer as it was given; notice and decision as they are now."""
    find = _capture if asking.is_sandbox else judged_capture
    capture = find(here, asking, capture_id)
    return answers.detection(here, capture, answers.language_of(accepted))


@router.get(
    "/detections/{capture_id}/image",
    summary="The image as it was received",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}},
)
def get_image(capture_id: _DetectionId, here: Here, asking: _Reader) -> Response:
    """The bytes of the image, unless its sender asked not to keep it."""
    capture = _capture(here, asking, capture_id)
    kept = sandbox.image if asking.is_sandbox else here.store.captures.image
    image = kept(capture_id)
    if image is None:
        raise NotKept(f"the image of {capture_id} was not kept, as its sender asked")
    headers = {"Cache-Control": "private, max-age=3600", "Content-Disposition": "inline"}
    return Response(image, media_type=capture.media_type, headers=headers)


def _capture(here: Runtime, asking: Caller, capture_id: str) -> Capture:
    """A capture that the caller may see; raises `NotCaptured`. Sandbox keys see the sandbox's."""
    if not asking.is_sandbox:
        return here.store.captures.get(capture_id)
    if (made := sandbox.find(capture_id, here.model.version)) is None:
        raise NotCaptured(f"no sandbox detection {capture_id[:64]!r}; they begin with test_")
    return made
