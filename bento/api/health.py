"""Is the process alive, and does it answer."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from bento.api.detections import Here

router = APIRouter(tags=["health"])


@router.get("/livez", summary="The process runs")
def livez() -> dict[str, str]:
    """Always 200 while requests are served at all."""
    return {"status": "alive"}


@router.get("/readyz", summary="Verdicts can be given", responses={503: {}})
def readyz(here: Here) -> JSONResponse:
    """200 after a warm-up image was answered and while the store answers; else what lacks."""
    missing = here.engine.missing()
    status = {"status": "not ready" if missing else "ready", "missing": missing}
    return JSONResponse(status, 503 if missing else 200)
