"""Servers on loopback that behave as badly as a test wants, byte for byte."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

HERE = "127.7.7.7"
"""The loopback address of good servers: tests allow this one, and all others stay forbidden."""

Answer = Callable[[socket.socket, bytes], None]


@dataclass
class Site:
    """What a server was asked, and how it answers."""

    port: int
    answer: Answer
    requests: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "images.example", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def site(answer: Answer, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Site]:
    """A server that gives each connection to ``answer`` with the head and body of its request."""
    with socket.create_server((HERE, port)) as listening:
        listening.settimeout(0.01)
        made, closing = Site(listening.getsockname()[1], answer), threading.Event()
        threads: list[threading.Thread] = []

        def accept() -> None:
            while not closing.is_set():
                with suppress(TimeoutError):
                    connection = listening.accept()[0]
                    threads.append(threading.Thread(target=_serve, args=(made, connection, tls)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield made
        finally:
            closing.set()
            for thread in (accepting, *threads):
                thread.join(timeout=5)


def _serve(made: Site, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    connection.settimeout(5)
    with suppress(OSError), connection:
        speaking = tls.wrap_socket(connection, server_side=True) if tls else connection
        with speaking:
            request = _request(speaking)
            made.requests.append(request)
            made.answer(speaking, request)


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (part := connection.recv(65536)):
            return received
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < size and (part := connection.recv(65536)):
        body += part
    return head + b"\r\n\r\n" + body


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> Answer:
    """A correct answer; underscores in names of ``headers`` are hyphens."""
    lines = {"Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body)


def raw(data: bytes) -> Answer:
    """These bytes and no others."""
    return lambda connection, request: connection.sendall(data)


def redirect(location: str, status: str = "302 Found") -> Answer:
    """Somewhere else."""
    return reply(status=status, Location=location)


def endless(head: bytes, part: bytes) -> Answer:
    """``head``, then ``part`` for as long as anyone listens."""

    def answer(connection: socket.socket, request: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(part)

    return answer


def drop_by_drop(data: bytes, seconds: float = 0.05) -> Answer:
    """``data``, a byte at a time."""

    def answer(connection: socket.socket, request: bytes) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(seconds)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One answer a request, the last one for all that follow."""
    left = list(answers)

    def answer(connection: socket.socket, request: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection, request)

    return answer


def by_path(**answers: Answer) -> Answer:
    """An answer for each path, named without slashes."""

    def answer(connection: socket.socket, request: bytes) -> None:
        path = request.split(b" ")[1].decode("ascii").strip("/").partition("?")[0]
        answers[path or "root"](connection, request)

    return answer
