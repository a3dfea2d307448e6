"""Is the process alive, and does it answer."""

from __future__ import annotations

from fastapi import APIRouter, Response

from bento.api.detections import Here
from bento.api.schemas import Readiness

router = APIRouter(tags=["health"])


@router.get("/livez", summary="The process runs")
def livez() -> dict[str, str]:
    """Always 200 while requests are served at all."""
    return {"status": "alive"}


@router.get("/readyz", summary="Verdicts can be given", responses={503: {"model": Readiness}})
def readyz(here: Here, response: Response) -> Readiness:
    """200 once a warm-up image was answered.

    A database that does not answer makes nobody unready: verdicts are given all the same, and kept
    on this machine until it does. It is named, though.
    """
    is_ready, is_stored = here.engine.is_ready, here.store.is_ready()
    response.status_code = 200 if is_ready else 503
    degraded = [] if is_stored else ["the database does not answer; captures wait on this machine"]
    return Readiness(status="ready" if is_ready else "warming up", degraded=degraded)
