"""Small pictures for lists, made in the evidence pool, as only its processes decode images."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Annotated

from fastapi import Depends, Request

from bento.console.shrinking import thumbnail
from bento.refusals import NotKept
from bento.runtime import Runtime

_KEPT = 2000
"""Of about 6 KB each."""


class ThumbnailCache:
    """The thumbnails that were wanted last, by the digest of their image."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, bytes] = OrderedDict()

    async def of(self, here: Runtime, capture_id: str) -> bytes:
        """A JPEG; raises `NotCaptured`, `NotKept`, or what decoding raises."""
        capture = await asyncio.to_thread(here.store.captures.get, capture_id)
        if small := self._made.get(capture.image_digest):
            self._made.move_to_end(capture.image_digest)
            return small
        image = await asyncio.to_thread(here.store.captures.image, capture_id)
        if image is None:
            raise NotKept(f"the image of {capture_id} was not kept, as its sender asked")
        made = await asyncio.wrap_future(here.engine.pool.run(thumbnail, image))
        self._made[capture.image_digest] = made
        if len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return made


def cache(request: Request) -> ThumbnailCache:
    """The cache of the application that serves this request."""
    found: ThumbnailCache = request.app.state.thumbnails
    return found


Thumbnails = Annotated[ThumbnailCache, Depends(cache)]
