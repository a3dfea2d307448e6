"""Shows copies of requests to the side that did not answer them, and notes what it says.

nginx sends a copy and waits for the 204, which comes as soon as the copy is read. What cannot be
kept up with is dropped and counted: a comparison must never slow down an answer.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from queue import Empty, SimpleQueue
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

from assay.rollout.answers import Answer, Answers, Said
from assay.rollout.nginx import COPY_HEADER, COPY_ID_HEADER

MOST_BYTES = 128 * 2**20
"""Of copies that wait."""
_WORKERS = 4
_HOP = ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade")
_FAILED = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """One copied request."""

    request_id: str
    path: str
    headers: dict[str, str]
    body: bytes


class Relay:
    """Takes copies, and asks whoever stands at `port`; nobody while that is None."""

    def __init__(self, secret: str, patience: float, answers: Answers) -> None:
        self.port: int | None = None
        self._secret, self._patience, self._answers = secret, patience, answers
        self._waiting: SimpleQueue[Copy | None] = SimpleQueue()
        self._bytes, self._lock = 0, threading.Lock()

    def take(self, copy: Copy) -> None:
        """Ask later, or drop the copy where too many wait, or nobody is to be asked."""
        with self._lock:
            if self.port is None or self._bytes + len(copy.body) > MOST_BYTES:
                self._answers.dropped += 1
                return
            self._bytes += len(copy.body)
        self._waiting.put(copy)

    def forget(self) -> None:
        """Drop what waits: it belongs to another share."""
        with contextlib.suppress(Empty):
            while True:
                self._done(self._waiting.get_nowait())

    @contextmanager
    def working(self) -> Iterator[None]:
        """Ask within the context."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_WORKERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.forget()
            for _ in threads:
                self._waiting.put(None)

    def _work(self) -> None:
        while (copy := self._waiting.get()) is not None:
            self._done(copy)
            if (port := self.port) is not None:
                asked_at = self._answers.began
                answer = self._ask(port, copy)
                self._answers.add_copy(copy.request_id, answer, asked_at)

    def _done(self, copy: Copy | None) -> None:
        with self._lock:
            self._bytes -= len(copy.body) if copy else 0

    def _ask(self, port: int, copy: Copy) -> Answer:
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self._patience)
        headers = {**copy.headers, COPY_HEADER: self._secret}
        try:
            connection.request("POST", copy.path, copy.body, headers)
            response = connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            logger.info("a copy was not answered: %s", error)
            status, body = _FAILED, b""
        finally:
            connection.close()
        milliseconds = 1000 * (time.perf_counter() - began)
        return Answer(port, status, milliseconds, _said(body) if status == HTTPStatus.OK else None)


def _said(body: bytes) -> Said | None:
    """Label and score of the body of a detection."""
    try:
        detection: dict[str, Any] = json.loads(body)
        return Said(str(detection["label"]), float(detection["score"]))
    except (ValueError, KeyError, TypeError):
        return None


class _Handler(BaseHTTPRequestHandler):
    """Reads a copy and lets go of nginx."""

    server: _Server

    def do_POST(self) -> None:
        """Take one copy."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        given = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        request_id = given.pop(COPY_ID_HEADER, "")
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()
        self.server.relay.take(Copy(request_id, self.path, given, body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its base's name)
        """Nothing: nginx has its log."""

    def address_string(self) -> str:
        """Nobody's: there are no addresses on a Unix socket."""
        return ""


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, relay: Relay) -> None:
        super().__init__(str(path), _Handler)
        self.relay = relay


@contextmanager
def listening(path: Path, relay: Relay) -> Iterator[None]:
    """Take copies that come to the Unix socket ``path``."""
    with _Server(path, relay) as server, relay.working():
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
