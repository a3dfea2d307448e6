"""A quick server of images on many loopback hosts, in a process of its own.

    python -m benchmarks.image_site HOSTS LATENCY_SECONDS SIDE DIFFERENT

Every path has an image; with DIFFERENT=1 no two paths have the same bytes. The port is printed; the
server ends when its input does.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from assay import images

BODIES = 64
"""Different pictures; paths take turns."""


@dataclass(frozen=True)
class Site:
    """Where the server is."""

    port: int
    hosts: int

    def url(self, number: int) -> str:
        """The address of picture ``number``, neighbours on different hosts."""
        return f"http://127.8.1.{1 + number % self.hosts}:{self.port}/{number}.jpg"


@contextmanager
def running(hosts: int, latency: float, side: int, different: bool) -> Iterator[Site]:
    """The server, until the context is left; pictures are ``side`` pixels square."""
    arguments = [str(hosts), str(latency), str(side), str(int(different))]
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.image_site", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 (a pipe, as asked for)
        yield Site(int(process.stdout.readline()), hosts)
        process.terminate()


def bodies(side: int, count: int = BODIES) -> list[bytes]:
    """JPEG pictures with edges and texture, about as many bytes a pixel as photographs have."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (side // 16 + 1, side // 16 + 1, 3), np.uint8)
        pixels = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        grain = rng.normal(0, 6, pixels.shape).astype(np.int16)
        made.append(images.encode_jpeg(np.clip(pixels + grain, 0, 255).astype(np.uint8), 85))
    return made


def body(made: list[bytes], path: bytes, different: bool) -> bytes:
    """The picture at ``path``; what follows a JPEG's end changes its digest and no pixel."""
    number = int(path.strip(b"/").partition(b".")[0] or b"0")
    return made[number % len(made)] + (path if different else b"")


class _Connection(asyncio.Protocol):
    def __init__(self, made: list[bytes], latency: float, different: bool) -> None:
        self._made, self._latency, self._different = made, latency, different
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\r\n\r\n"):
            head, self._received = self._received, b""
            asyncio.get_running_loop().call_later(self._latency, self._answer, head)

    def _answer(self, head: bytes) -> None:
        content = body(self._made, head.split(b" ", 2)[1], self._different)
        lines = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(lines % len(content) + content)
        if b"Connection: close" in head:
            self._transport.close()


async def _serve(hosts: int, latency: float, side: int, different: bool) -> None:
    loop, made, port = asyncio.get_running_loop(), bodies(side), 0
    for number in range(hosts):
        server = await loop.create_server(
            lambda: _Connection(made, latency, different),
            f"127.8.1.{1 + number}", port, backlog=512,
        )  # fmt: skip
        port = server.sockets[0].getsockname()[1]
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"))
