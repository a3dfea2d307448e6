"""Asking for several verdicts in one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile

from assay import fetching
from assay.errors import AssayError
from assay.images import MAX_BYTES
from assay.store import Scope
from bento import blindness
from bento.api import answers, bodies, descriptions, errors, submissions
from bento.api.auth import Caller, allowed
from bento.api.detections import Here, Language
from bento.api.job_shapes import BatchAnswer, BatchItem, BatchJson, BatchJsonItem
from bento.api.schemas import AboutImage, Options, Problem
from bento.refusals import InvalidRequest, TooManyImages, code_of
from bento.runtime import Runtime
from bento.submission import Submission

router = APIRouter(prefix="/v1", tags=["detections"])

_AT_ONCE = 4
"""Images of one batch under way together, so that several batches share the turns there are."""
_LONGEST_NAME = 200

_FILES = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
BATCH_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": descriptions.form_schema(Options, _FILES)},
            "application/json": {"schema": descriptions.schema(BatchJson)},
        },
    }
}


@dataclass(frozen=True, slots=True)
class _Sent:
    """One image of a batch: where its bytes are, and what was said about it."""

    name: str
    read: Callable[[], Awaitable[bytes]]
    about: AboutImage


@router.post("/detect/batch", summary="Judge several images", openapi_extra=BATCH_BODY)
async def detect_batch(
    request: Request,
    here: Here,
    asking: Annotated[Caller, Depends(allowed(Scope.DETECT))],
    accepted: Language = None,
) -> BatchAnswer:
    """Judge up to 64 images (unless set otherwise), each answered or refused on its own, in order.

    200 even where images fail: each item holds either a `detection` or a `problem`. The request as
    a whole is refused only where it is malformed or too large. A batch is never refused for want of
    room: its images wait for their turn, single requests going first, and each that found none
    within the deadline of an image comes back as `overloaded`. In a form, the name of a file is its
    `external_id`. Larger amounts make a job.
    """
    async with AsyncExitStack() as stack:
        options, sent = await _batch(request, here, stack)
        submissions.require_version(here, options.model_version)
        until = asyncio.get_running_loop().time() + here.settings.deadline
        language = answers.language_of(accepted)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def answer(one: _Sent) -> BatchItem:
            read = partial(_submission, one, options, asking)
            async with turns:
                try:
                    capture = await here.batches.detect(here.engine, read, until)
                    await asyncio.to_thread(blindness.refuse_blind, request, here, capture)
                    told = await asyncio.to_thread(answers.detection, here, capture, language)
                except AssayError as error:
                    return BatchItem(name=one.name, problem=_problem(request, error))
            return BatchItem(name=one.name, detection=told)

        return BatchAnswer(items=await asyncio.gather(*map(answer, sent)))


async def _batch(
    request: Request, here: Runtime, stack: AsyncExitStack
) -> tuple[Options, Sequence[_Sent]]:
    """What is asked of a batch; its files live as long as ``stack``."""
    kind = submissions.content_type(request)
    most = here.settings.max_batch
    if kind == "multipart/form-data":
        form = bodies.form_with_files(request, most)
        texts, files = await stack.enter_async_context(form)
        options = submissions.validated(Options, texts)
        return options, [_uploaded(file, at) for at, file in enumerate(files)]
    if kind == "application/json":
        asked = submissions.validated(BatchJson, await bodies.json_of(request))
        if len(asked.items) > most:
            raise TooManyImages(f"over {most:,} images in one batch; send fewer, or make a job")
        return asked, [_described(item, at) for at, item in enumerate(asked.items)]
    raise InvalidRequest(
        f"content type {kind[:80]!r} is not taken; send multipart/form-data with fields `file`, "
        "or JSON with `items`"
    )


def _uploaded(file: UploadFile, at: int) -> _Sent:
    name = file.filename or str(at)
    # One byte over the limit is enough for the decoder to refuse it.
    return _Sent(
        name, partial(file.read, MAX_BYTES + 1), AboutImage(external_id=name[:_LONGEST_NAME])
    )


def _described(item: BatchJsonItem, at: int) -> _Sent:
    about = AboutImage(**item.model_dump(include=set(AboutImage.model_fields)))
    return _Sent(item.external_id or item.url or str(at), partial(_found, item), about)


async def _found(item: BatchJsonItem) -> bytes:
    if (item.url is None) == (item.image_base64 is None):
        raise InvalidRequest("give either image_base64 or url")
    if item.image_base64 is not None:
        return submissions.decoded(item.image_base64)
    return (await anyio.to_thread.run_sync(fetching.fetch, item.url or "")).data


async def _submission(one: _Sent, options: Options, asking: Caller) -> Submission:
    said: dict[str, Any] = one.about.model_dump()
    return Submission(
        await one.read(),
        asking.client,
        rationale=options.rationale,
        keep_image=options.keep_image,
        stability=options.stability,
        **said,
    )


def _problem(request: Request, error: AssayError) -> Problem:
    code = code_of(type(error).__name__)
    return Problem(**errors.body(request, code, str(error)))
