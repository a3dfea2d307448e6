"""Servers that are started together and end together, and leave no process behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay import home
from assay.errors import AssayError

LOOPBACK = "127.0.0.1"
PATIENCE = 120.0
"""Seconds for a first answer, on a machine that is busy training."""

_STATE = "ASSAY_SERVES"  # marks our servers, and what they start, with their state folder


class ServerFailed(AssayError):
    """A server ended by itself, or never answered."""


@dataclass(frozen=True)
class Server:
    """A server that was started here; ``title`` is its name for a reader."""

    title: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def answers(self) -> bool:
        """Whether it serves requests by now."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def check(self) -> None:
        """Raise `ServerFailed` with its last words if it has ended."""
        if (status := self.process.poll()) is None:
            return
        words = self.log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        raise ServerFailed(f"{self.title} ended with status {status}: {words} (log: {self.log})")


@contextmanager
def running(
    title: str, port: int, command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[Server]:
    """A server in a process group of its own, all of which is ended on leaving."""
    log = home.folder("logs") / f"{title.lower()}-server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 (our own command)
            command,
            cwd=home.root(),
            env={**environment, _STATE: str(home.root())},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only its parent, which ends the group
        )
        try:
            yield Server(title, port, process, log)
        finally:
            _end(process)


def wait_for_answers(servers: Sequence[Server], patience: float = PATIENCE) -> None:
    """Return when all answer; raises `ServerFailed` for one that ends or stays silent."""
    deadline = time.monotonic() + patience
    while silent := [server for server in servers if not server.answers()]:
        for server in servers:
            server.check()
        if time.monotonic() > deadline:
            first = silent[0]
            raise ServerFailed(f"{first.title} did not answer in {patience:g} s; see {first.log}")
        time.sleep(0.2)


def watch(servers: Sequence[Server]) -> None:
    """Return never; raises `ServerFailed` for the first that ends."""
    while True:
        for server in servers:
            server.check()
        time.sleep(0.5)


def end_leftovers() -> None:
    """End servers of this state folder whose parent was killed before it could end them."""
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_STATE) == str(home.root()):
                process.kill()
                process.wait(timeout=10)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlived their parent
    process.wait()
