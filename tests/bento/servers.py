"""The service as it really runs: BentoML, all of its processes, and a port on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil

from assay.home import REPOSITORY
from assay.store import Scope, Store, StoreSettings
from tests.bento.services import KEYS

_PATIENCE = 120.0


@dataclass(frozen=True)
class Server:
    """A service in processes of its own; ``state`` is its state folder, ``log`` what it wrote."""

    url: str
    state: Path
    log: Path
    process: subprocess.Popen[bytes]

    def client(self, key: str = "") -> httpx.Client:
        """Whoever has this API key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def new_key(self, *scopes: Scope) -> str:
        """A fresh API key with ``scopes`` (none: all), as the command line makes it."""
        with self.store() as store:
            return store.keys.create("tests", scopes or tuple(Scope), by="tests")[1]

    def store(self) -> Store:
        """Its store, opened beside it."""
        return Store.open(StoreSettings(folder=self.state / "store"), drain=False)

    def processes(self) -> list[psutil.Process]:
        """All that runs of it, whatever group or session it moved to."""
        return [one for one in psutil.process_iter() if _is_of(one, str(self.state))]

    def kill(self) -> None:
        """End all of it at once, without a word."""
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait(timeout=10)
        psutil.wait_procs(self.processes(), timeout=10)


@contextmanager
def serving(model: Path, state: Path, *, auth: bool = False, **settings: str) -> Iterator[Server]:
    """A ready service over ``model``, ended by SIGTERM; raises where anything of it is left."""
    state.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log = state / "serve.log"
    environment = {
        **os.environ,
        **KEYS,
        "ASSAY_HOME": str(state),
        "ASSAY_MODEL": str(model),
        "ASSAY_AUTH": str(auth).lower(),
        "ASSAY_WORKERS": "1",
        "OMP_NUM_THREADS": "1",
        "PORT": str(port),
        **settings,
    }
    command = [sys.executable, str(REPOSITORY / "scripts" / "serve.py")]
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    server = Server(f"http://127.0.0.1:{port}", state, log, process)
    try:
        wait_until_ready(server.url, process, log)
        yield server
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=90)
            _, left = psutil.wait_procs(server.processes(), timeout=5)
            assert not left, f"the service ended, and these did not: {left}"
    finally:
        server.kill()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once ``/readyz`` answers 200."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", timeout=5).status_code == HTTPStatus.OK:
                return
        time.sleep(0.1)
    raise AssertionError(f"the service is not ready: {log.read_text()[-3000:]}")


def _is_of(process: psutil.Process, state: str) -> bool:
    """Whether a process belongs to a state folder; nginx writes its title over its environment."""
    with suppress(psutil.Error):
        if process.name() == "nginx":
            master = process.parent() if "worker" in "".join(process.cmdline()) else process
            return master is not None and state in " ".join(master.cmdline())
        return bool(process.environ().get("ASSAY_HOME") == state)
    return False
