"""An image and a sibling laid on each other, for a slider: pictures drawn when asked for."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Response

from assay.errors import DataError, StorageError
from assay.known_images import KnownImage
from assay.reports.side_by_side import SideBySide, side_by_side
from assay.store import Capture
from bento import known_images
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
    read = partial(here.image, other_id)
    drawn = await _side_by_side(here, first, other_id, second.image_digest, read)
    return _answer(drawn, view, known)


@router.get(
    "/detections/{capture_id}/known/{known_id}/{view}.png",
    summary="An image and that of a fact-check in one frame, and where they differ",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, 304: {"description": "Not changed"}},
)
async def get_known_view(
    capture_id: CaptureId,
    known_id: Annotated[int, Path(ge=1, le=2**53, description="One of `known_images`.")],
    view: Annotated[View, Path(description="What is shown.")],
    here: Here,
    asking: Reader,
    known: Known = "",
) -> Response:
    """As for a sibling; 404 ``not_siblings`` where the bank does not hold the image."""
    first, entry = await asyncio.to_thread(_known_pair, here, asking, capture_id, known_id)
    read = partial(_known_image, here, entry)
    drawn = await _side_by_side(here, first, f"known image {entry.id}", entry.digest, read)
    return _answer(drawn, view, known)


def _known_pair(
    here: Runtime, asking: Caller, capture_id: str, known_id: int
) -> tuple[Capture, KnownImage]:
    """A capture and a known image with bytes; raises `NotSiblings`, or as `judged_capture`."""
    first = judged_capture(here, asking, capture_id)
    listed = next((one for one in first.known_images if one.id == known_id), None)
    entry = listed and known_images.entry(here.engine.known, listed)
    if not entry or not entry.digest:
        raise NotSiblings(
            f"the bank holds no image {known_id} for {capture_id}; its detection lists those that "
            "can be seen"
        )
    return first, entry


def _known_image(here: Runtime, entry: KnownImage) -> bytes:
    """The bytes of an entry that has some; raises `NotSiblings` where they are gone by now."""
    data = here.engine.known.image(entry) if here.engine.known else None
    if data is None:
        raise NotSiblings(f"known image {entry.id} has no image; follow its link instead")
    return data


def _pair(here: Runtime, asking: Caller, capture_id: str, other_id: str) -> tuple[Capture, Capture]:
    """Both captures; raises `NotSiblings`, or as `judged_capture`."""
    first = judged_capture(here, asking, capture_id)
    if other_id not in answers.sibling_ids(here, first):
        raise NotSiblings(f"{other_id} is no sibling of {capture_id}; its detection lists those")
    return first, here.store.captures.get(other_id)


async def _side_by_side(
    here: Runtime, first: Capture, other_id: str, digest: str, read: Callable[[], bytes]
) -> SideBySide:
    """The pictures of a pair, which never change; raises `NotKept`, `NotSiblings`.

    ``digest`` and ``read`` are of the other image.
    """
    key = first.image_digest, digest
    if drawn := here.side_by_side.get(key):
        return drawn
    this, other = await asyncio.to_thread(here.image, first.id), await asyncio.to_thread(read)
    try:
        drawn = await here.engine.measure(side_by_side, this, other)
    except DataError as error:
        raise StorageError(f"the image of {first.id} or {other_id} is damaged") from error
    if drawn is None:
        raise NotSiblings(f"{other_id} shows nothing that {first.id} shows")
    here.side_by_side.put(key, drawn)
    return drawn


def _answer(drawn: SideBySide, view: View, known: str) -> Response:
    picture: bytes = getattr(drawn, view.value)
    tag = f'"{hashlib.sha256(picture).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, max-age=3600", "ETag": tag}
    if is_known(tag, known):
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type="image/png", headers=headers)
