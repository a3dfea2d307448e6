"""Leaving without dropping anybody: what was accepted is answered, what comes later is turned away.

On SIGTERM or Ctrl-C the public process goes on serving until the last request that it had accepted
is answered, refuses new ones meanwhile (503, Retry-After, ``connection: close``), and only then
lets the server end. Uvicorn alone would close its socket at once; behind BentoML, whose supervisor
owns the socket, new connections would hang instead.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bento import signals
from bento.api import errors
from bento.refusals import ShuttingDown

_STILL_SERVED = ("/livez", "/metrics")
"""A supervisor must not take a leaving process for a dead one, and its last numbers count."""
_POLL = 0.02

logger = logging.getLogger(__name__)


class Door:
    """Who is inside, and whether anybody else may come in; lives on one event loop."""

    def __init__(self) -> None:
        self.inside = 0
        self.is_closing = False

    async def close(self, seconds: float) -> None:
        """Let nobody in any more, and wait until all have left, or for ``seconds``."""
        self.is_closing = True
        try:
            async with asyncio.timeout(seconds):
                while self.inside:
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            logger.warning("%d requests are unanswered after %g s", self.inside, seconds)


class Doorkeeper:
    """Counts requests in and out, and turns away those that come after the door was closed."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http" or scope["path"] in _STILL_SERVED:
            await self._app(scope, receive, send)
        elif self._door.is_closing:
            answer = errors.response(Request(scope), ShuttingDown())
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
        else:
            self._door.inside += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._door.inside -= 1


@contextmanager
def draining(door: Door, seconds: float) -> Iterator[None]:
    """Within: a signal closes ``door``, and reaches the server when all have left.

    A second Ctrl-C reaches it at once. Nothing changes outside a main thread, which gets no
    signals.
    """
    closing: list[asyncio.Task[None]] = []

    async def close(leave: Callable[[], None]) -> None:
        logger.info("closing: %d requests are still to be answered", door.inside)
        await door.close(seconds)
        leave()

    def on_signal(number: int, leave: Callable[[], None]) -> None:
        if not closing:
            closing.append(asyncio.get_running_loop().create_task(close(leave)))
        elif number == signal.SIGINT:
            leave()

    with signals.handled(on_signal):
        yield
