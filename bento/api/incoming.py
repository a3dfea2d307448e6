"""Bodies on their way in: how long one may be, how slowly it may come, how much all may hold."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Self

from starlette.types import Message, Receive

from bento.refusals import BodyTooLarge, BodyTooSlow, TooMuchHeld

PATIENCE = 30.0
"""Seconds in which any body may come, however slowly."""
SLOWEST = 16 * 2**10
"""Bytes a second that a longer one has to keep up on average; a bad mobile network does."""


LINGER = 2.0
"""Seconds in which the rest of a body that was refused may still come."""
SKIPPED = 256 * 2**20
"""Bytes of it that are let come."""


class Bank:
    """How many bytes of bodies are in memory; lives on one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def take(self, size: int) -> None:
        """Hold ``size`` bytes more; raises `TooMuchHeld` where that passes the limit."""
        if self.held + size > self.limit:
            raise TooMuchHeld("too many large requests are in work; try again in a few seconds")
        self.held += size

    def give_back(self, size: int) -> None:
        """Let go of ``size`` bytes."""
        self.held -= size


class Incoming:
    """Receives one body of at most ``limit`` bytes, of which ``announced`` by its header.

    Raises `BodyTooLarge` once it is, or says that it will be, longer; `BodyTooSlow` where it keeps
    the server waiting; `TooMuchHeld` where ``bank`` is full, which gets all back with the context.
    """

    def __init__(self, receive: Receive, limit: int, announced: int, bank: Bank | None) -> None:
        self._receive, self._limit, self._bank = receive, limit, bank
        self._announced, self._received = announced, 0
        self._began, self._has_ended = 0.0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bank is not None:
            self._bank.give_back(self._received)
        self._received = 0

    async def __call__(self) -> Message:
        """The next part of the body, and after its end whatever else comes."""
        self._check(self._announced)
        if self._has_ended:
            return await self._receive()
        message = await self._in_time()
        if message["type"] == "http.request":
            self._count(len(message.get("body", b"")))
            self._has_ended = not message.get("more_body", False)
        return message

    async def skip_rest(self) -> None:
        """Let the rest of the body come, if it does so soon, before the request is refused.

        Who closes a connection with a part of the request unread resets it, and the refusal may be
        lost on its way (RFC 9112, 9.6): a proxy would say instead that nobody serves.
        """
        skipped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._has_ended and max(skipped, self._announced) <= SKIPPED:
                    message = await self._receive()
                    skipped += len(message.get("body", b""))
                    self._has_ended = not message.get("more_body", False)

    async def _in_time(self) -> Message:
        self._began = self._began or time.monotonic()
        allowed = PATIENCE + self._received / SLOWEST
        try:
            async with asyncio.timeout(allowed - (time.monotonic() - self._began)):
                return await self._receive()
        except TimeoutError as error:
            raise BodyTooSlow("the body comes in too slowly; send it again") from error

    def _count(self, size: int) -> None:
        self._check(self._received + size)
        if self._bank is not None:
            self._bank.take(size)
        self._received += size

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BodyTooLarge(
                f"the body is over {self._limit / 2**20:,.0f} MiB; send a smaller one"
            )
