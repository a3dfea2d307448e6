"""A platform of its own: a state folder, its service behind nginx, and the pipelines that it runs.

All of it is what a user starts by hand (`scripts/serve.py`, ``run.py --pipeline NAME``), in
processes of their own whose variables lead to the simulation's folder and nowhere else.
"""

from __future__ import annotations

import base64
import http.client
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from assay import dashboards, home, processes, signing_keys
from assay.errors import AssayError
from assay.rollout.slot import PATIENCE
from assay.rollout.warden import warden
from assay.servers import LOOPBACK
from assay.store import Scope, Store, StoreSettings

logger = logging.getLogger(__name__)

_FOREIGN = "ASSAY_", "BENTOML_", "MLFLOW_", "ZENML_"
"""Variables that lead a child to somebody else's state, or tell it how that one is served."""
_ASK_EVERY = 0.2
_GRACE = 90.0
"""Seconds in which the service answers what it has accepted."""


class SimulationFailed(AssayError):
    """A part of the simulated platform does not come up, or ended early."""


class Platform:
    """The state folder ``state``, and what runs in it."""

    def __init__(self, state: Path, audit_share: float) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state = state.resolve()
        self._audit_share = audit_share

    @property
    def logs(self) -> Path:
        """Where children write."""
        folder = self.state / "logs"
        folder.mkdir(exist_ok=True)
        return folder

    def environment(self) -> dict[str, str]:
        """The variables of a child: this process's own, but none that leads to another state."""
        named = home.environment().keys()
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in named and not name.startswith(_FOREIGN)
        }
        threads = os.environ.get("OMP_NUM_THREADS")
        return {
            **kept,
            **({"OMP_NUM_THREADS": threads} if threads else {}),
            "ASSAY_HOME": str(self.state),
            "ASSAY_AUDIT_SHARE": str(self._audit_share),
        }

    @contextmanager
    def run(self, pipeline: str, config: Path, *assignments: str) -> Iterator[Run]:
        """``run.py --pipeline`` as a child; leaving the context before its end ends it."""
        words = [sys.executable, str(home.REPOSITORY / "run.py"), "--pipeline", pipeline]
        words += ["--config", str(config)]
        words += [word for text in assignments for word in ("--set", text)]
        log = self.logs / f"{pipeline}.txt"
        with ExitStack() as stack:
            yield Run(pipeline, self._started(stack, words, log, self.environment()), log)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address at which the champion of this folder, or what was rolled out, answers.

        Everybody needs a key. Raises `SimulationFailed` where it does not come up.
        """
        port = dashboards.choose_port(taken=())
        fresh = {name: _key() for name in (signing_keys.URLS, signing_keys.CASES)}
        own = {"HOST": LOOPBACK, "PORT": str(port), "AUTH": "1", **fresh}
        log = self.logs / "serve.txt"
        words = [sys.executable, str(home.REPOSITORY / "scripts" / "serve.py")]
        with ExitStack() as stack:
            process = self._started(stack, words, log, {**self.environment(), **own})
            _wait_until_ready(port, process, log)
            yield f"http://{LOOPBACK}:{port}"

    @contextmanager
    def store(self) -> Iterator[Store]:
        """What the service keeps, read beside it."""
        with Store.open(StoreSettings(folder=self.state / "store"), drain=False) as store:
            yield store

    def new_key(self, client: str, *scopes: Scope) -> str:
        """A fresh key for ``client``; older ones, of a simulation that was killed, are revoked."""
        with self.store() as store:
            for key in store.keys.all():
                if key.client == client and key.revoked_at is None:
                    store.keys.revoke(key.id, by="simulation")
            return store.keys.create(client, scopes, by="simulation")[1]

    def _started(
        self, stack: ExitStack, words: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """A child that ends with ``stack``, and by the warden's hand where this one is killed."""
        watcher = stack.enter_context(warden())
        with log.open("ab") as stream:
            process = subprocess.Popen(  # noqa: S603 (our own command)
                words,
                cwd=home.REPOSITORY,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the simulation, which ends it in order
            )
        stack.callback(_end, process)
        watcher.watch(process.pid)
        return process


class Run:
    """A pipeline that runs as a child."""

    def __init__(self, pipeline: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pipeline, self._process, self.log = pipeline, process, log
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._begun

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait()

    def words(self) -> str:
        """The last line that it wrote."""
        return _last_line(self.log)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() > end:
            raise SimulationFailed(f"the service does not come up: {_last_line(log)} (log: {log})")
        time.sleep(_ASK_EVERY)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell a child to end, and wait; what does not, is killed with all that it has started."""
    if process.poll() is not None:
        return
    family = processes.family(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        processes.kill(family)
        process.wait()


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(signing_keys.KEY_BYTES)).decode()


def _last_line(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
