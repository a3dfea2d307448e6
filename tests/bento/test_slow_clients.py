"""Who sends slowly, or nothing, is not waited for without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from bento import http_protocol
from bento.api import incoming
from bento.api.incoming import Bank, Incoming
from bento.api.requests import Envelope
from bento.refusals import BodyTooSlow, TooMuchHeld

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(incoming, "PATIENCE", 0.1)
    monkeypatch.setattr(incoming, "LINGER", 0.1)


async def _slow(_: Scope, receive: Receive, send: Send) -> None:
    """Takes longer than anybody may take to send a head."""
    await asyncio.sleep(0.7)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"well"})


@asynccontextmanager
async def _connected(
    app: ASGIApp = _slow,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config, state = Config(app, lifespan="off", timeout_keep_alive=0), ServerState()
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: http_protocol.BoundedHttp(config, state, {}, loop), "127.0.0.1", 0
    )
    async with server:
        streams = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield streams
        streams[1].close()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET[:-2]])
def test_connection_without_a_whole_head_is_closed(sent: bytes) -> None:
    async def what_comes() -> bytes:
        async with _connected() as (reader, writer), asyncio.timeout(5):
            writer.write(sent)
            return await reader.read()

    assert asyncio.run(what_comes()) == b""


@pytest.mark.usefixtures("hurried")
def test_answer_may_take_longer_than_the_head() -> None:
    async def what_comes() -> bytes:
        async with _connected() as (reader, writer), asyncio.timeout(5):
            writer.write(GET)
            return await reader.readuntil(b"well")

    assert asyncio.run(what_comes()).startswith(b"HTTP/1.1 200")


async def _at_once(_: Scope, receive: Receive, send: Send) -> None:
    length = [(b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": b"well"})


def test_connection_outlives_that_of_a_proxy() -> None:
    async def ask_twice() -> None:
        async with _connected(_at_once) as (reader, writer), asyncio.timeout(5):
            for _ in range(2):
                writer.write(GET)
                await reader.readuntil(b"well")
                await asyncio.sleep(0.1)

    asyncio.run(ask_twice())
    assert http_protocol.KEEP_ALIVE > 60


def _receiving(parts: Iterator[Message], bank: Bank | None = None) -> Incoming:
    async def receive() -> Message:
        if (part := next(parts, None)) is not None:
            return part
        await asyncio.sleep(10)
        raise AssertionError

    return Incoming(receive, 1000, 0, bank)


def _part(size: int, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


@pytest.mark.usefixtures("hurried")
def test_body_that_stops_coming_is_given_up() -> None:
    async def receive_all() -> None:
        receiving = _receiving(iter([_part(10)]))
        await receiving()
        await receiving()

    with pytest.raises(BodyTooSlow):
        asyncio.run(receive_all())


@pytest.mark.usefixtures("hurried")
def test_client_that_has_sent_everything_may_wait() -> None:
    async def receive_all() -> None:
        receiving = _receiving(iter([_part(10, more=False)]))
        await receiving()
        async with asyncio.timeout(0.3):
            await receiving()  # as a streaming answer does, to hear that somebody left

    with pytest.raises(TimeoutError):
        asyncio.run(receive_all())


def _refused(parts: Iterator[Message], headers: dict[bytes, bytes]) -> list[str]:
    """What happens to a request that a route refuses without having looked at its body."""
    happened: list[str] = []

    async def receive() -> Message:
        happened.append("received")
        part = next(parts, None)
        if part is None:
            await asyncio.sleep(10)
        return part

    async def send(message: Message) -> None:
        happened.append(message["type"])

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})

    scope = {
        "type": "http", "method": "POST", "path": "/v1/detect", "headers": list(headers.items()),
    }  # fmt: skip
    asyncio.run(Envelope(route)(scope, receive, send))
    return happened


def test_refusal_waits_for_the_rest_of_the_body() -> None:
    """A connection that is closed with a part unread is reset, and the refusal lost."""
    parts = iter([_part(10), _part(10), _part(10, more=False), _part(10)])
    assert _refused(parts, {}) == ["received"] * 3 + ["http.response.start"]


@pytest.mark.usefixtures("hurried")
def test_refusal_waits_for_no_body_that_is_unwanted() -> None:
    large = {b"content-length": str(10**9).encode()}
    asking = {b"expect": b"100-continue"}
    for headers in (large, asking):
        assert _refused(iter([_part(10)]), headers) == ["http.response.start"]
    slow = _refused(iter([_part(10)]), {})
    assert slow == ["received"] * 2 + ["http.response.start"]


def test_bodies_fill_the_bank_and_give_everything_back() -> None:
    async def receive_two(bank: Bank) -> None:
        with _receiving(iter([_part(600), _part(10)]), bank) as first:
            await first()
            with pytest.raises(TooMuchHeld), _receiving(iter([_part(600)]), bank) as second:
                await second()
            await first()
            assert bank.held == 610

    bank = Bank(1000)
    asyncio.run(receive_two(bank))
    assert bank.held == 0
