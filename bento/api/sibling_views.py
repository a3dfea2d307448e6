"""An image and a sibling laid on each other, for a slider: pictures drawn when asked for."""

from __future__ import annotations

import asyncio
import hashlib
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Response

from assay.errors import DataError, StorageError
from assay.reports.side_by_side import SideBySide, side_by_side
from assay.store import Capture
from bento.api import answers
from bento.api.auth import Caller
from bento.api.detections import Here
from bento.api.parameters import CaptureId, Known, Reader, is_known, judged_capture
from bento.refusals import NotSiblings
from bento.runtime import Runtime

router = APIRouter(prefix="/v1", tags=["detections"])


class View(StrEnum):
    """What is shown of a pair."""

    THIS = "this"
    OTHER = "other"
    DIFFERENCE = "difference"


@router.get(
    "/detections/{capture_id}/siblings/{other_id}/{view}.png",
    summary="An image and a sibling in one frame, and where they differ",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, 304: {"description": "Not changed"}},
)
async def get_view(
    capture_id: CaptureId,
    other_id: CaptureId,
    view: Annotated[View, Path(description="What is shown.")],
    here: Here,
    asking: Reader,
    known: Known = "",
) -> Response:
    """This image, the other, or this one below a heatmap of what differs; all of one size.

    Black where only one of the two shows anything.
    """
    first, second = await asyncio.to_thread(_pair, here, asking, capture_id, other_id)
    drawn = await _side_by_side(here, first, second)
    picture: bytes = getattr(drawn, view.value)
    tag = f'"{hashlib.sha256(picture).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, max-age=3600", "ETag": tag}
    if is_known(tag, known):
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type="image/png", headers=headers)


def _pair(here: Runtime, asking: Caller, capture_id: str, other_id: str) -> tuple[Capture, Capture]:
    """Both captures; raises `NotSiblings`, or as `judged_capture`."""
    first = judged_capture(here, asking, capture_id)
    if other_id not in answers.sibling_ids(here, first):
        raise NotSiblings(f"{other_id} is no sibling of {capture_id}; its detection lists those")
    return first, here.store.captures.get(other_id)


async def _side_by_side(here: Runtime, first: Capture, second: Capture) -> SideBySide:
    """The pictures of a pair, which never change; raises `NotKept`, `NotSiblings`."""
    key = first.image_digest, second.image_digest
    if drawn := here.side_by_side.get(key):
        return drawn
    this, other = [await asyncio.to_thread(here.image, one.id) for one in (first, second)]
    try:
        drawn = await here.engine.measure(side_by_side, this, other)
    except DataError as error:
        raise StorageError(f"the image of {first.id} or {second.id} is damaged") from error
    if drawn is None:
        raise NotSiblings(f"{second.id} shows nothing that {first.id} shows")
    here.side_by_side.put(key, drawn)
    return drawn
