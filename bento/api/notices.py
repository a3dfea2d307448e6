"""Notices as labels that a platform embeds beside an image, under signed addresses."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from assay import notice_pages, notices, signed_urls
from bento import captures
from bento.api.detections import Here
from bento.api.parameters import CaptureId
from bento.refusals import LinkExpired
from bento.runtime import Runtime

router = APIRouter(prefix="/v1/detections/{capture_id}", tags=["notices"])

Language = Annotated[
    str, Query(alias="lang", description="A language tag.", max_length=35, examples=["de"])
]


_SIGNED = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": True,
            "description": what,
            "schema": {"type": "string", "maxLength": 100},
        }
        for name, what in {
            "expires": "Unix time, seconds",
            "signature": "Of the address as a whole: take addresses from detections as they are",
        }.items()
    ]
}
"""Read off the address as it was received, so described by hand."""


def signed(request: Request, here: Here) -> None:
    """Raise `LinkExpired` unless we signed this address and its time is not over."""
    if not signed_urls.is_valid(f"{request.url.path}?{request.url.query}", here.url_keys):
        raise LinkExpired(
            "this address was not signed here, was changed, or is over; the detection has a new one"
        )


def _documented(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}}


@router.get(
    "/notice.html",
    summary="The notice as HTML to embed",
    response_class=Response,
    responses=_documented("text/html"),
    dependencies=[Depends(signed)],
    openapi_extra=_SIGNED,
)
def notice_html(capture_id: CaptureId, here: Here, language: Language = "") -> Response:
    """An accessible label as it stands now; empty where there is nothing to tell.

    Needs no key: the address itself is signed, and is part of every detection.
    """
    page = notice_pages.html(_told(here, capture_id, language))
    return _embedded(page, "text/html", notice_pages.STYLE)


@router.get(
    "/notice.svg",
    summary="The notice as a picture to embed",
    response_class=Response,
    responses=_documented("image/svg+xml"),
    dependencies=[Depends(signed)],
    openapi_extra=_SIGNED,
)
def notice_svg(capture_id: CaptureId, here: Here, language: Language = "") -> Response:
    """The same as a picture; one of no size where there is nothing to tell."""
    picture = notice_pages.svg(_told(here, capture_id, language))
    return _embedded(picture, "image/svg+xml", notice_pages.SVG_STYLE)


def _told(here: Runtime, capture_id: str, language: str) -> notices.Notice:
    capture = here.store.captures.get(capture_id)
    decision = here.store.feedback.decision_on(capture.pixel_digest)
    return captures.notice(capture, decision, notices.preferred(language))


def _embedded(content: str, media_type: str, style: str) -> Response:
    """An answer that any page may embed, and that may do nothing there but look as it does."""
    policy = (
        f"default-src 'none'; style-src {notice_pages.style_hash(style)}; frame-ancestors *; "
        "base-uri 'none'; form-action 'none'"
    )
    headers = {
        "Cache-Control": "public, max-age=300",
        # Browsers let frame-ancestors outrank X-Frame-Options, which every other answer has.
        "Content-Security-Policy": policy,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
    }
    return Response(content, media_type=f"{media_type}; charset=utf-8", headers=headers)
