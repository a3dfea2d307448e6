"""Check: images in, their cards out."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from assay.images import FORMATS, MAX_BYTES
from bento.console.pages import Here, Looking, page

router = APIRouter(include_in_schema=False)


@router.get("/")
def get_check(here: Here, visitor: Looking) -> HTMLResponse:
    """The page that takes images; check.js sends them to /v1/detect."""
    limits = {"megabytes": MAX_BYTES / 2**20, "formats": FORMATS}
    return page(here, visitor, "check.html", limits=limits, model=here.model.version)
