"""The console as a whole: its routers, and what it needs of the application."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from bento.console import assets, check, demo, history, lineage, monitor, overview, review, sign_in
from bento.console.pages import install_errors

ROUTERS: tuple[APIRouter, ...] = (
    assets.router,
    sign_in.router,
    check.router,
    review.router,
    history.router,
    lineage.router,
    overview.router,
    monitor.router,
    demo.router,
)


def install(app: FastAPI) -> None:
    """Add the console to ``app``, after its errors are installed."""
    app.state.sign_in_failures = sign_in.Failures()
    install_errors(app)
    for router in ROUTERS:
        app.include_router(router)
