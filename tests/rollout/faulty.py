"""The service with a planted fault: ``FAULT=errors`` fails a third of the detections, ``slow`` lets
each wait; started like the service itself, as ``tests.rollout.faulty:Assay``.
"""

from __future__ import annotations

import asyncio
import os
from itertools import count
from typing import Any

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bento import service
from bento.service import Assay

__all__ = ["Assay"]

SECONDS = 5.0
"""Beyond what an answer takes, also where all cores are taken."""
_asked = count()


class Faulty:
    """Stands before the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = os.environ.get("FAULT") if scope.get("path") == "/v1/detect" else ""
        if fault == "errors" and next(_asked) % 3 == 0:
            await PlainTextResponse("planted", 500)(scope, receive, send)
            return
        if fault == "slow":
            await asyncio.sleep(SECONDS)
        await self._app(scope, receive, send)


def _planted(model: Any) -> FastAPI:
    app = _whole(model)
    app.add_middleware(Faulty)
    return app


_whole, service._application = service._application, _planted
