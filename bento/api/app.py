"""The application: every public route of the service, behind one envelope."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware

from bento import background, blindness
from bento.api import (
    batches,
    case_files,
    detections,
    errors,
    evidence_views,
    exports,
    feedback,
    health,
    jobs,
    model,
    monitoring,
    notices,
    review,
    sandbox,
    sibling_views,
)
from bento.api.requests import Envelope
from bento.api.schemas import Problem
from bento.console import site
from bento.draining import Door, Doorkeeper

ROUTERS: tuple[APIRouter, ...] = (
    detections.router,
    evidence_views.router,
    sibling_views.router,
    feedback.router,
    review.router,
    notices.router,
    case_files.router,
    exports.router,
    sandbox.router,
    model.router,
    batches.router,
    jobs.router,
    health.router,
    monitoring.router,
)
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": what}
    for status, what in {
        400: "Not what the contract describes",
        401: "No valid key",
        403: "Not allowed",
        404: "Not there",
        408: "The body came in too slowly",
        409: "Contradicts what is there",
        413: "Too large",
        422: "Cannot be used",
        429: "Too much at once; see Retry-After",
        502: "An address did not answer",
        503: "Not ready; see Retry-After",
        504: "Took too long",
    }.items()
}
_DESCRIPTION = (
    "Tells whether an image was manipulated or synthesized: a verdict with a calibrated score, the "
    "place, the evidence and the reasons. Every error has one body, `{error, code, request_id}`."
    f"\n\n**Sandbox.** {sandbox.GUIDE}"
)


def create_app() -> FastAPI:
    """The application with all routes; a runtime is attached before it serves."""
    door = Door()
    app = FastAPI(
        title="Assay",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(Envelope), Middleware(Doorkeeper, door)],
        lifespan=background.running,
        dependencies=[Depends(blindness.guard)],
        responses=_PROBLEMS,
    )
    app.state.door = door
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    site.install(app)
    return app
