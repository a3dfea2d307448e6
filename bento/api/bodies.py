"""Bodies that hold many images: their forms and their JSON, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from bento.api import submissions
from bento.api.requests import MAX_BODY
from bento.refusals import BodyTooLarge, InvalidRequest, TooManyImages

_JSON_PARTS = 200_000
"""Ten thousand images with all that is said of each."""


@asynccontextmanager
async def form_with_files(
    request: Request, most: int
) -> AsyncIterator[tuple[dict[str, str], list[UploadFile]]]:
    """The texts of a form and its files `file`, on disk beyond 1 MiB each while it is open.

    Raises `TooManyImages` beyond ``most``, and `InvalidRequest`.
    """
    async with AsyncExitStack() as stack:
        try:
            form = await stack.enter_async_context(submissions.form_of(request, max_files=most))
        except InvalidRequest as error:
            if "Too many files" in str(error):
                raise TooManyImages(f"over {most:,} files in one form; send fewer") from error
            raise
        files = [file for file in form.getlist("file") if isinstance(file, UploadFile)]
        texts = submissions.texts_of(form)
        if not files or len(files) + len(texts) < len(form.multi_items()):
            raise InvalidRequest(
                "the form needs files in the field `file` only, and each text once"
            )
        yield texts, files


async def json_of(request: Request) -> Any:
    """The JSON of a body that is held in memory, which is why it is kept smaller than files.

    Raises `InvalidRequest`, or `BodyTooLarge`.
    """
    return await asyncio.to_thread(submissions.parsed, await body_of(request), _JSON_PARTS)


async def body_of(request: Request) -> bytes:
    """The whole body; raises `BodyTooLarge` where that passes what one image may take."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY:
                raise BodyTooLarge(
                    f"text is taken up to {MAX_BODY / 2**20:,.0f} MiB; send files as a form"
                )
            parts.append(part)
    except ClientDisconnect as error:
        raise InvalidRequest("the body ended early; send it again") from error
    return b"".join(parts)
