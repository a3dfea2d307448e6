"""A page of a platform as its users see it: what all of this is for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assay.store import Capture, CaptureFilter, HumanLabel, Notice, Vote
from bento.api import answers
from bento.api.detections import Language
from bento.api.requests import SECURITY_HEADERS
from bento.console import examples
from bento.console.examples import DECIDED, EXAMPLES, FLAGGED, UNTOUCHED, Example
from bento.console.pages import Administering, Here, page
from bento.runtime import Runtime
from bento.submission import Submission

CLIENT = "demo"
"""Under which name the examples are kept."""

_POLICY = "content-security-policy"
_FRAMING = {_POLICY: f"{SECURITY_HEADERS[_POLICY]}; frame-src 'self'"}
"""This page embeds a notice as platforms do."""

router = APIRouter(prefix="/demo", include_in_schema=False)


@router.get("")
def get_demo(here: Here, visitor: Administering, accepted: Language = None) -> HTMLResponse:
    """The posts, each with its notice; before there are any, a button that makes them."""
    language = answers.language_of(accepted)
    kept = {example.name: _newest(here, example) for example in EXAMPLES}
    posts = [
        _post(here, example, capture, language)
        for example in EXAMPLES
        if (capture := kept[example.name]) is not None
    ]
    shown = posts if len(posts) == len(EXAMPLES) else []
    answer = page(here, visitor, "demo.html", posts=shown)
    answer.headers.update(_FRAMING)
    return answer


@router.post("")
async def post_demo(here: Here, visitor: Administering) -> Response:
    """Have the examples checked as a platform would, and the last one decided as by a moderator."""
    await _first(here, UNTOUCHED, lambda level: level is Notice.NONE)
    await _first(here, FLAGGED, lambda level: level is not Notice.NONE)
    capture = await _first(here, DECIDED, lambda level: level is not Notice.NONE)
    vote = Vote(HumanLabel.MANIPULATED, "label", "misleading_edit", "The demonstration's example.")
    await asyncio.to_thread(here.store.feedback.record, capture.id, visitor.who, vote)
    return RedirectResponse("/demo", 303)


async def _first(here: Runtime, example: Example, suits: Callable[[Notice], bool]) -> Capture:
    """The capture of the first image whose notice suits the example, else of the last."""
    first, *others = await asyncio.to_thread(examples.candidates, example)
    capture = await _detect(here, example, first)
    for image in others:
        if suits(capture.notice):
            break
        capture = await _detect(here, example, image)
    return capture


async def _detect(here: Runtime, example: Example, image: bytes) -> Capture:
    name, caption = _external_id(example), example.caption
    return await here.engine.detect(Submission(image, CLIENT, external_id=name, caption=caption))


def _external_id(example: Example) -> str:
    return f"demo-{example.name}"


def _newest(here: Runtime, example: Example) -> Capture | None:
    chosen = CaptureFilter(client=CLIENT, external_id=_external_id(example))
    found = here.store.captures.page(chosen, limit=1)
    return found[0] if found else None


def _post(here: Runtime, example: Example, capture: Capture, language: str) -> dict[str, Any]:
    decision = here.store.feedback.decision(capture.id)
    told = answers.notice(here, capture, decision, language)
    return {
        **asdict(example),
        "id": capture.id,
        "level": told.level,
        "as_frame": example is DECIDED,
        "sentence": f"{told.title}: {told.sentence}",
        "html_url": _path(told.html_url),
        "svg_url": _path(told.svg_url),
    }


def _path(url: str) -> str:
    """An address of ours as this browser reaches us, whatever name others know us by."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
