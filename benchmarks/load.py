"""Clients of a server under measurement, and servers that end with the measurement."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np

from assay.home import REPOSITORY

HOST = "127.0.0.1"
_PATIENCE = 180.0
_BOUNDARY = "assay-benchmark"


@dataclass
class Load:
    """What clients saw."""

    latencies: list[float] = field(default_factory=list)
    """Seconds, one for each answer."""
    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds within which ``percent`` of the answers came."""
        return 1000 * float(np.percentile(self.latencies, percent))


def ask(port: int, path: str, uploads: Sequence[bytes], clients: int, **fields: str) -> Load:
    """Send each upload once, from as many ``clients`` at a time, over connections kept open.

    Raises RuntimeError for anything but 200.
    """
    waiting: SimpleQueue[bytes] = SimpleQueue()
    for upload in uploads:
        waiting.put(_form(upload, fields))
    load = Load()
    threads = [
        threading.Thread(target=_client, args=(port, path, waiting, load)) for _ in range(clients)
    ]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - begun
    wrong = [body for body, status in zip(load.bodies, load.statuses, strict=True) if status != 200]
    if wrong:
        raise RuntimeError(f"{path} refused {len(wrong)} requests: {wrong[0][:300]!r}")
    return load


def _client(port: int, path: str, waiting: SimpleQueue[bytes], load: Load) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=300)
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    with suppress(Empty):
        while True:
            form = waiting.get_nowait()
            begun = time.perf_counter()
            connection.request("POST", path, form, headers)
            answer = connection.getresponse()
            body = answer.read()
            load.latencies.append(time.perf_counter() - begun)
            load.statuses.append(answer.status)
            load.bodies.append(body)
    connection.close()


def _form(upload: bytes, fields: Mapping[str, str]) -> bytes:
    line = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    texts = "".join(f'{line}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    head = f'{texts}{line}"file"; filename="a.jpg"\r\n\r\n'
    return head.encode() + upload + f"\r\n--{_BOUNDARY}--\r\n".encode()


@contextmanager
def plain(model: Path, port: int) -> Iterator[None]:
    """The server of `benchmarks.plain_server`."""
    command = ["-m", "benchmarks.plain_server", str(model), str(port)]
    with _running(command, port, "/docs", os.environ):
        yield


@contextmanager
def service(model: Path, port: int, state: Path) -> Iterator[None]:
    """The service as `make serve` starts it, with an empty store in ``state``."""
    environment = {
        **os.environ,
        "ASSAY_HOME": str(state),
        "ASSAY_MODEL": str(model),
        "PORT": str(port),
    }
    with _running([str(REPOSITORY / "scripts" / "serve.py")], port, "/readyz", environment):
        yield


@contextmanager
def _running(
    command: Sequence[str], port: int, ready: str, environment: Mapping[str, str]
) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(process, port, ready)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=90)


def _wait(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == HTTPStatus.OK:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the server on port {port} never answered {path}")
