"""The evidence of an image as pictures: where it points, its residual, its error level."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from assay import evidence_views
from assay.fingerprints import code_fingerprint
from assay.store import Capture
from bento.api.detections import Here
from bento.api.parameters import CaptureId, Known, Reader, is_known, judged_capture
from bento.refusals import NothingToShow, NotKept
from bento.runtime import Runtime

router = APIRouter(prefix="/v1/detections/{capture_id}", tags=["evidence"])

Draw = Callable[[bytes], bytes | None]
"""From an encoded image to a PNG; can be pickled."""
_PNG: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {"ETag": {"schema": {"type": "string"}}},
    },
    304: {"description": "The picture that the caller has is the one"},
}


@router.get(
    "/heatmap.png", summary="Where the evidence points", response_class=Response, responses=_PNG
)
async def heatmap(
    capture_id: CaptureId,
    here: Here,
    asking: Reader,
    base: Annotated[bool, Query(description="Draw it over the image.")] = False,
    known: Known = "",
) -> Response:
    """A see-through layer as large as the image, at most 1024 pixels a side.

    Suspicion goes from dark violet, nearly clear, to bright yellow. 404 ``nothing_to_show`` where
    no evidence points anywhere.
    """
    capture = await _capture(here, asking, capture_id)
    names = tuple(str(finding["id"]) for finding in capture.findings)
    view = f"heatmap {base} {' '.join(names)}"
    draw = partial(evidence_views.heatmap, names=names, over_image=base)
    return await _picture(here, capture, known, view, draw)


@router.get(
    "/residual.png", summary="The residual of the image", response_class=Response, responses=_PNG
)
async def residual(
    capture_id: CaptureId, here: Here, asking: Reader, known: Known = ""
) -> Response:
    """What a high-pass filter leaves of the image, amplified; for the eye, no verdict uses it."""
    capture = await _capture(here, asking, capture_id)
    return await _picture(here, capture, known, "residual", evidence_views.residual)


@router.get(
    "/error-level.png",
    summary="The error level of the image",
    response_class=Response,
    responses=_PNG,
)
async def error_level(
    capture_id: CaptureId, here: Here, asking: Reader, known: Known = ""
) -> Response:
    """What a JPEG copy changes, amplified; for the eye, no verdict uses it.

    404 ``nothing_to_show`` for an image that is too long for a JPEG.
    """
    capture = await _capture(here, asking, capture_id)
    return await _picture(here, capture, known, "error level", evidence_views.error_level)


async def _capture(here: Runtime, asking: Reader, capture_id: str) -> Capture:
    capture = await asyncio.to_thread(judged_capture, here, asking, capture_id)
    if not capture.keep_image:
        raise NotKept(f"the image of {capture_id} was not kept, as its sender asked")
    return capture


async def _picture(here: Runtime, capture: Capture, known: str, view: str, draw: Draw) -> Response:
    """A view of a capture's image, drawn by a worker process unless somebody has it already."""
    tag = _tag(capture.image_digest, view)
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    if is_known(tag, known):
        return Response(status_code=304, headers=headers)
    picture = here.pictures.get((capture.image_digest, view))
    if picture is None:
        image = await asyncio.to_thread(here.image, capture.id)
        picture = await here.engine.measure(draw, image) or b""
        here.pictures.put((capture.image_digest, view), picture)
    if not picture:
        raise NothingToShow("there is nothing to see in this view of the image")
    return Response(picture, media_type="image/png", headers=headers)


def _tag(image_digest: str, view: str) -> str:
    """Changes with the image, the view, and the code that draws it."""
    text = f"{code_fingerprint()} {image_digest} {view}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
