"""A server of images on loopback: several hosts that behave as well or badly as a test wants.

    with image_server.running(hosts=2) as server:
        server.replies["/cat.jpg"] = image_server.image(data)
        url = server.url("/cat.jpg", host=1)
        ...
        server.asked("/cat.jpg")

Every request is logged with its host and time: tests read politeness from the log. Hosts are
loopback addresses of their own at one port; `Server.outbound` are settings that may ask them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_network

from assay.outbound import OutboundSettings

NETWORK = "127.8.0.0/16"
"""Of all hosts: tests allow this one, and the rest of loopback stays forbidden."""


@dataclass(frozen=True)
class Reply:
    """One answer. `Server.replies` takes several, which follow one another; the last one stays."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    declared: int | None = None
    """Content-Length where it is not that of the body."""
    seconds: float = 0.0
    """Before the answer begins."""
    endless: bool = False
    """The body is repeated for as long as anyone listens."""
    hangs_up: bool = False
    """The connection closes without any answer."""


def image(body: bytes, media_type: str = "image/jpeg", **headers: str) -> Reply:
    """Good bytes; underscores in names of ``headers`` are hyphens. With ETag= it answers 304."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body, headers={"Content-Type": media_type, **named})


def dead(status: int = 404) -> Reply:
    return Reply(b"gone", status)


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": location})


def html(text: str = "<!doctype html><title>moved</title>") -> Reply:
    """A page where an image was promised."""
    return Reply(text.encode(), headers={"Content-Type": "image/jpeg"})


def slow(reply: Reply, seconds: float) -> Reply:
    return replace(reply, seconds=seconds)


def truncated(body: bytes) -> Reply:
    """Half of the body under the length of the whole; then the connection closes."""
    return replace(image(body[: len(body) // 2]), declared=len(body))


def understated(body: bytes) -> Reply:
    """The whole body under half of its length."""
    return replace(image(body), declared=len(body) // 2)


def busy(retry_after: str = "", status: int = 429) -> Reply:
    return Reply(status=status, headers={"Retry-After": retry_after} if retry_after else {})


def broken(status: int = 500) -> Reply:
    return Reply(status=status)


def endless(part: bytes = bytes(65536)) -> Reply:
    return Reply(part, endless=True)


def hang_up() -> Reply:
    return Reply(hangs_up=True)


@dataclass(frozen=True)
class Request:
    """What was asked, when (`time.monotonic`), of which host and on which connection."""

    at: float
    host: str
    path: str
    headers: Mapping[str, str]
    connection: int


class Server:
    """What is served, by path, and what was asked."""

    def __init__(self, hosts: int) -> None:
        self.hosts = [f"127.8.0.{1 + number}" for number in range(hosts)]
        self.port = 0
        self.replies: dict[str, Reply | list[Reply]] = {}
        """By path, on every host; or by ``host/path`` on one."""
        self.otherwise = dead()
        self.requests: list[Request] = []
        self.most_at_once: Counter[str] = Counter()
        """The most requests in work at the same time, by host; ``""`` over all."""
        self._active: Counter[str] = Counter()
        self._connections = 0

    @property
    def outbound(self) -> OutboundSettings:
        """Settings that may ask these hosts, and wait for at most a second."""
        return OutboundSettings(
            ports=(self.port,),
            allowed_networks=(ip_network(NETWORK),),
            connect_seconds=1.0,
            read_seconds=1.0,
            total_seconds=2.0,
        )

    def url(self, path: str, host: int = 0) -> str:
        return f"http://{self.hosts[host]}:{self.port}{path}"

    def asked(self, path: str) -> list[Request]:
        """The requests for ``path`` on any host, in order."""
        return [request for request in self.requests if request.path == path]

    def starts(self, host: int) -> list[float]:
        """When requests to this host began."""
        return [request.at for request in self.requests if request.host == self.hosts[host]]

    async def start(self) -> list[asyncio.Server]:
        servers = []
        for host in self.hosts:
            servers.append(await asyncio.start_server(self._serve, host, self.port, backlog=512))
            self.port = servers[0].sockets[0].getsockname()[1]
        return servers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number, host = self._connections, writer.get_extra_info("sockname")[0]
        with suppress(OSError, EOFError, asyncio.CancelledError):
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer, host, number):
                pass
        writer.close()

    async def _answer(
        self, head: bytes, writer: asyncio.StreamWriter, host: str, number: int
    ) -> bool:
        """Whether the connection stays open."""
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        request = Request(time.monotonic(), host, first.split(" ")[1], headers, number)
        self.requests.append(request)
        for name in (host, ""):
            self._active[name] += 1
            self.most_at_once[name] = max(self.most_at_once[name], self._active[name])
        try:
            return await self._send(self._reply(request), request, writer)
        finally:
            self._active.subtract((host, ""))

    def _reply(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        named = f"{request.host}{path}" if f"{request.host}{path}" in self.replies else path
        found = self.replies.get(named, self.otherwise)
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    async def _send(self, reply: Reply, request: Request, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(reply.seconds)
        if reply.hangs_up:
            return False
        etag = reply.headers.get("ETag")
        if etag and request.headers.get("if-none-match") == etag:
            reply = replace(reply, status=304, body=b"")
        length = len(reply.body) if reply.declared is None else reply.declared
        closes = reply.endless or length != len(reply.body)
        closes = closes or request.headers.get("connection") == "close"
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [] if reply.endless else [f"Content-Length: {length}"]
        lines += ["Connection: close"] if closes else []
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
        await writer.drain()
        while reply.endless:
            writer.write(reply.body)
            await writer.drain()
        return not closes


@contextmanager
def running(hosts: int = 1) -> Iterator[Server]:
    """A server with so many hosts, in a thread of its own."""
    server, loop = Server(hosts), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="image server")
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_close(listening), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(listening: list[asyncio.Server]) -> None:
    for one in listening:
        one.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
