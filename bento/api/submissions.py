"""Requests for a verdict, in each of the three forms that an image may be sent in."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from bento import copies
from bento.api.auth import Caller
from bento.api.schemas import About, DetectJson
from bento.refusals import InvalidRequest, ModelNotServed
from bento.runtime import Runtime
from bento.submission import Submission

IDEMPOTENCY_HEADER = "Idempotency-Key"
FORMS = "send multipart/form-data with a field `file`, or JSON with `image_base64` or `url`"

_LONGEST_KEY = 200
_FORM_FIELD = 64 * 2**10
_FORM_FIELDS = 32
_SEPARATORS = (b",", b"[", b"{")
_JSON_PARTS = 20_000
"""A dozen fields, and the commas of a long caption."""

Shaped = TypeVar("Shaped", bound=BaseModel)


async def submission(request: Request, here: Runtime, asking: Caller) -> Submission:
    """What a request asks for; raises `InvalidRequest`, or what fetching a URL raises."""
    kind = content_type(request)
    if kind == "multipart/form-data":
        about, image = await _from_form(request)
    elif kind == "application/json":
        about, image = await _from_json(request, here)
    else:
        raise InvalidRequest(f"content type {kind[:80]!r} is not taken; {FORMS}")
    require_version(here, about.model_version)
    is_copy = copies.is_copy(request, here)
    return Submission(
        image,
        asking.client,
        **said(about),
        capture_id=""
        if asking.is_sandbox or is_copy  # which keep nothing, keys neither
        else await _capture_id(request, here, asking, about, image),
        is_copy=is_copy,
    )


def content_type(request: Request) -> str:
    """The media type of a request's body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def said(about: About) -> dict[str, Any]:
    """What a platform said about an image, as fields of a `Submission`."""
    return about.model_dump(include=set(About.model_fields) - {"model_version"})


def require_version(here: Runtime, wanted: str) -> None:
    """Raise `ModelNotServed` where another version than ``wanted`` answers."""
    served = here.model.version
    if wanted and wanted != served:
        raise ModelNotServed(f"model version {wanted!r} is not served here, {served!r} is")


def validated(shape: type[Shaped], values: Any) -> Shaped:
    """``values`` as ``shape``; raises `InvalidRequest` that names the first wrong field."""
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise InvalidRequest(f"{where[:80]}: {first['msg']}") from error


@asynccontextmanager
async def form_of(request: Request, max_files: int) -> AsyncIterator[FormData]:
    """The form of a request, its files on disk beyond 1 MiB; raises `InvalidRequest`."""
    limits = {"max_files": max_files, "max_fields": _FORM_FIELDS, "max_part_size": _FORM_FIELD}
    try:
        form = await request.form(**limits)
    except (HTTPException, ClientDisconnect) as error:
        reason = getattr(error, "detail", "") or "it ended early"
        raise InvalidRequest(f"the form cannot be read ({reason}); {FORMS}") from error
    try:
        yield form
    finally:
        await form.close()


async def json_of(request: Request) -> Any:
    """The JSON of a request; raises `InvalidRequest`."""
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise InvalidRequest("the body ended early; send all of it") from error
    try:
        return await asyncio.to_thread(parsed, body, _JSON_PARTS)
    except InvalidRequest as error:
        raise InvalidRequest(f"{error}; {FORMS}") from error


def parsed(body: bytes, most: int) -> Any:
    """The JSON in ``body``; raises `InvalidRequest`, also where it has more than ``most`` parts.

    Parsing stops everything else in this process, and makes a hundred bytes of objects out of two:
    40 MiB of small ones took a minute and 4 GiB. So parts are counted first, by what separates
    them, which is quick.
    """
    if sum(map(body.count, _SEPARATORS)) > most:
        raise InvalidRequest(f"the body is no JSON that is taken here: over {most:,} parts")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is no JSON ({error})"[:200]) from error


def texts_of(form: FormData) -> dict[str, str]:
    """The fields of a form that are no files."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _from_form(request: Request) -> tuple[About, bytes]:
    async with form_of(request, max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidRequest(f"the form has no file in the field `file`; {FORMS}")
        texts = texts_of(form)
        if set(form) - set(texts) - {"file"}:
            raise InvalidRequest("the form has files in other fields; send one image as `file`")
        return validated(About, texts), await file.read()


async def _from_json(request: Request, here: Runtime) -> tuple[About, bytes]:
    asked = validated(DetectJson, await json_of(request))
    if (asked.url is None) == (asked.image_base64 is None):
        raise InvalidRequest("give either image_base64 or url")
    if asked.image_base64 is not None:
        return asked, await asyncio.to_thread(decoded, asked.image_base64)
    return asked, await here.fetches.image(asked.url or "")


def decoded(text: str) -> bytes:
    """The bytes of base64, with or without a data URI before it."""
    if text[:5] == "data:":
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"image_base64 is no base64 ({error})") from error


async def _capture_id(
    request: Request, here: Runtime, asking: Caller, about: About, image: bytes
) -> str:
    """The capture that an idempotency key stands for; empty without one."""
    key = request.headers.get(IDEMPOTENCY_HEADER, "")
    if not key:
        return ""
    if len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"{IDEMPOTENCY_HEADER} has to be up to {_LONGEST_KEY} printable characters"
        )
    # What was asked for, whatever boundary or spelling the same body has at a second try; and as
    # releases before the option write it, which may serve that try.
    left_out = {"image_base64"} if about.stability else {"image_base64", "stability"}
    asked = about.model_dump_json(exclude=left_out).encode()
    digest = hashlib.sha256(asked + b"\n" + image).hexdigest()
    return await asyncio.to_thread(here.store.captures.id_for, asking.client, key, digest)
