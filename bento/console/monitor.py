"""The stored pages about a window of traffic, as the monitor drew them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from bento.console.pages import Here, Looking

router = APIRouter(prefix="/monitor", include_in_schema=False)

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_SCRIPTED = f"{_POLICY}; script-src 'unsafe-inline'; sandbox allow-scripts"
"""Evidently's page is made of scripts: it runs apart, as a page of nobody's, and reaches nothing.
"""


@router.get("/{window_id}/{name}")
def get_page(
    here: Here, _: Looking, window_id: str, name: Literal["report", "trend", "evidently"]
) -> HTMLResponse:
    """One page of a window, as it was stored."""
    policy = _SCRIPTED if name == "evidently" else _POLICY
    html = here.store.windows.page(window_id, name)
    headers = {"Content-Security-Policy": policy, "Cache-Control": "private, max-age=3600"}
    return HTMLResponse(html, headers=headers)
