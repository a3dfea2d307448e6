"""Clients of a server under measurement, and servers that end with the measurement."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import numpy as np

from assay.home import REPOSITORY
from assay.load.client import DETECT, Deployment
from assay.load.pacing import Load, Pace, send
from assay.load.summary import percentile, reason
from assay.load.uploads import Upload

HOST = "127.0.0.1"
_PATIENCE = 180.0


def ask(port: int, path: str, images: Sequence[bytes], clients: int, **fields: str) -> Load:
    """Send each image once, from as many ``clients`` at a time, over connections kept open.

    Raises RuntimeError for anything but a verdict.
    """
    load = _sent(port, images, Pace(clients=clients, requests=len(images)), fields, path)
    wrong = [one for one in load.answers if not one.is_verdict]
    if wrong:
        raise RuntimeError(f"{path} refused {len(wrong)} requests: {reason(wrong[0])}")
    return load


def send_at(port: int, images: Sequence[bytes], rate: float, **fields: str) -> Load:
    """Send each image once, ``rate`` a second, whatever became of those before."""
    return _sent(port, images, Pace(rate=rate, requests=len(images)), fields, DETECT)


def _sent(
    port: int, images: Sequence[bytes], pace: Pace, fields: Mapping[str, str], path: str
) -> Load:
    uploads = [Upload(str(number), data) for number, data in enumerate(images)]
    with closing(Deployment(f"http://{HOST}:{port}", timeout=300)) as deployment:
        return send(deployment, uploads, pace, fields, path=path)


def milliseconds(load: Load, percent: float) -> float:
    """Within which ``percent`` of the answers came."""
    return percentile(1000 * np.sort([one.latency for one in load.answers]), percent).value


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
