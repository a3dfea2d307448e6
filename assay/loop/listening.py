"""Alerts that start the loop: the receiver of Alertmanager's webhook, for those who ask for it.

    POST /alerts    Authorization: Bearer TOKEN; an alert that fires with the label starts="loop"
    GET /livez      whether it listens

Starting is all that it can do, with the settings of this machine; an alert's words go to the log.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from assay import addresses, home
from assay.errors import ConfigError, StorageError
from assay.store.loops import Loops, LoopState

TOKEN_VARIABLE = "ASSAY_LOOP_TOKEN"
LABEL = ("starts", "loop")
"""What an alert carries that is to start the loop."""
COMMAND = (sys.executable, "run.py", "--pipeline", "loop")
_LARGEST = 1_000_000
"""Bytes of a message."""
_LEAST_TOKEN = 16
"""Characters that are not guessed."""
_AT_ONCE = 32
"""Requests; whoever comes beyond is hung up on, and Alertmanager tries again."""

logger = logging.getLogger(__name__)


class Answer(StrEnum):
    """What came of being asked to start."""

    STARTED = "started"
    RUNNING = "running already"
    TOO_SOON = "too soon after the last one"
    NOTHING = "no alert that starts the loop"


class Starter:
    """Starts loops, one at a time and not more often than ``every``."""

    def __init__(self, record: Loops, every: timedelta, command: Sequence[str] = COMMAND) -> None:
        self._record, self._every, self._command = record, every, command
        self._process: subprocess.Popen[bytes] | None = None
        self._deciding = threading.Lock()

    def start(self) -> Answer:
        """Start a loop unless there is one, or was one just now; raises `StoreUnavailable`.

        It outlives this process. One that others have begun refuses it by itself.
        """
        with self._deciding:
            if not self.is_free():
                return Answer.RUNNING
            if self._is_too_soon():
                return Answer.TOO_SOON
            with (home.folder("logs") / "loop-alerts.output.log").open("ab") as stream:
                self._process = subprocess.Popen(  # noqa: S603 (our own command)
                    self._command,
                    cwd=home.REPOSITORY,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            return Answer.STARTED

    def is_free(self) -> bool:
        """Whether none that was started here is running."""
        return self._process is None or self._process.poll() is not None

    def _is_too_soon(self) -> bool:
        """One that was interrupted may go on at any time, and one that is to come says nothing."""
        newest = next(iter(self._record.history(1)), None)
        if newest is None or newest.state is LoopState.RUNNING:
            return False
        return timedelta(0) <= self._record.now() - newest.started_at < self._every


class Listener(ThreadingHTTPServer):
    """Listens until it is shut down; ``token`` is what whoever asks has to know.

    A request has ``seconds`` in all, as a stranger may send a byte at a time.
    """

    daemon_threads, request_queue_size = True, _AT_ONCE

    def __init__(
        self, host: str, port: int, token: str, starter: Starter, seconds: float = 10.0
    ) -> None:
        if len(token) < _LEAST_TOKEN:
            remedy = f"set it to the output of: openssl rand -hex {_LEAST_TOKEN}"
            raise ConfigError(f"{TOKEN_VARIABLE} has fewer than {_LEAST_TOKEN} letters; {remedy}")
        self.token, self.starter = token.encode(), starter
        self._seconds, self._room = seconds, threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where alerts go."""
        return f"http://{self.server_address[0]!s}:{self.server_port}/alerts"

    def process_request(self, request: Any, client_address: Any) -> None:
        """On a thread of its own, if there is one left."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it, or hang up when its time is over."""
        clock = threading.Timer(self._seconds, _hang_up, (request,))
        clock.daemon = True
        clock.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            clock.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of whoever has gone in the middle of it."""
        logger.warning("a request was left unanswered: %r", sys.exc_info()[1])


def _hang_up(request: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Listener
    server_version, sys_version = "Assay", ""

    def do_GET(self) -> None:
        """Whether it listens."""
        found = self.path == "/livez"
        self._answer(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, "")

    def do_POST(self) -> None:
        """Start the loop where an alert asks for it."""
        status, words = self._judged()
        self._answer(status, words)

    def _judged(self) -> tuple[HTTPStatus, str]:
        if self.path != "/alerts":
            return HTTPStatus.NOT_FOUND, "alerts go to /alerts"
        given = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, b"Bearer " + self.server.token):
            return HTTPStatus.UNAUTHORIZED, f"send the token of {TOKEN_VARIABLE}"
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return HTTPStatus.LENGTH_REQUIRED, "send a Content-Length"
        if int(length[:9]) > _LARGEST or len(length) > 9:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {_LARGEST} bytes"
        try:
            names = starting(json.loads(self.rfile.read(int(length))))
        except (ValueError, RecursionError):
            return HTTPStatus.BAD_REQUEST, "send what Alertmanager sends, as JSON"
        return self._started(names)

    def _started(self, names: Sequence[str]) -> tuple[HTTPStatus, str]:
        if not names:
            return HTTPStatus.OK, Answer.NOTHING
        try:
            answer = self.server.starter.start()
        except StorageError as error:  # Alertmanager tries again
            return HTTPStatus.SERVICE_UNAVAILABLE, str(error)
        logger.info("alerts %s: %s", addresses.shown(", ".join(names)), answer)
        is_new = answer is Answer.STARTED
        return HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK, answer

    def _answer(self, status: HTTPStatus, words: str) -> None:
        body = json.dumps({"loop": words}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
        """Requests are not logged; what is started is."""


def starting(message: Any) -> list[str]:
    """The names of the alerts in ``message`` that fire and start the loop.

    Raises `ValueError` for what Alertmanager does not send.
    """
    if not isinstance(message, dict) or not isinstance(message.get("alerts"), list):
        raise ValueError("no alerts")
    found = []
    for alert in message["alerts"]:
        labels = alert.get("labels") if isinstance(alert, dict) else None
        if not isinstance(labels, dict):
            raise ValueError("an alert without labels")
        name, value = LABEL
        if alert.get("status") == "firing" and labels.get(name) == value:
            found.append(str(labels.get("alertname", "")))
    return found
