"""Small pictures for lists, made in the evidence pool, as only its processes decode images."""

from __future__ import annotations

import asyncio

from bento.console.shrinking import thumbnail
from bento.runtime import Runtime


async def thumbnail_of(here: Runtime, capture_id: str) -> bytes:
    """A JPEG; raises `NotCaptured`, `NotKept`, or what decoding raises.

    It takes no place at the door: a page of a list asks for fifty at once.
    """
    capture = await asyncio.to_thread(here.store.captures.get, capture_id)
    if small := here.thumbnails.get(capture.image_digest):
        return small
    image = await asyncio.to_thread(here.image, capture_id)
    made = await asyncio.wrap_future(here.engine.pool.run(thumbnail, image))
    here.thumbnails.put(capture.image_digest, made)
    return made
