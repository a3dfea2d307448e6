"""The proof of a release: its built bento is started, asked over HTTP, and ended again.

A proof that fails is a value, at which a deployment stops. The service runs from the bento alone,
on a free port of loopback, with a state folder and keys of its own that are gone afterwards.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

from assay import home, processes, release_checks, servers, signing_keys
from assay.golden import GOLDEN_FILE, Golden, picture
from assay.release import CONTRACT_FILE, Release
from assay.release_checks import CHECKS, Answer, Check, Limits, Refused, Running
from assay.remote_model import KEY_VARIABLE
from assay.servers import LOOPBACK, Server, ServerFailed
from assay.serving_strategies.vllm import URL_VARIABLE
from assay.settings import Settings

_TITLE = "Release-proof"
_GRACE = 60
"""Seconds in which accepted requests are finished at the end."""
_LEAVE = 20.0
"""Seconds in which all of its processes leave with it."""
_POLL = 0.05
_LAST, _LAST_SIDE = 2, 1000
"""Images in work when the service is told to end, and their side in pixels: a second's work."""
_LAST_SEED = 1_000_000
_UNANSWERED = HTTPException, OSError


class Finding(Settings):
    """One check of a proof."""

    name: str
    passed: bool
    sentence: str
    """What was found, or what is wrong."""


class Proof(Settings):
    """What came of proving a release."""

    release: str
    cold_start: float | None
    """Seconds from the start of the process to the first verdict that could be given; None where
    it never came up."""
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(finding.passed for finding in self.findings)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why it did not, in sentences."""
        return tuple(f"{one.name}: {one.sentence}" for one in self.findings if not one.passed)


def prove(release: Release, limits: Limits = Limits(), python: Path | None = None) -> Proof:  # noqa: B008 (frozen)
    """Start the built bento, check all that a release has to do, and end it; half a minute.

    ``python`` is the interpreter of the environment to run it in; None for this one's.
    """
    with serving(release, python) as server:
        try:
            taken = _wait(server, limits.ready)
        except (ServerFailed, Refused) as error:
            return _proof(release, None, Finding(name="ready", passed=False, sentence=f"{error}"))
        ready = Finding(name="ready", passed=True, sentence=f"ready after {taken:.1f} s")
        running = expecting(release, server.port, limits)
        found = [judged(check, running) for check in CHECKS]
        drained = judged(lambda running: _drained(running, server), running, "drain")
        return _proof(release, taken, ready, *found, drained)


def cold_start(release: Release, limit: float) -> float:
    """Seconds from the start of the process to the first verdict that could be given.

    Raises `ServerFailed` when it ends instead, and `Refused` beyond ``limit`` seconds.
    """
    with serving(release) as server:
        return _wait(server, limit)


def expecting(release: Release, port: int, limits: Limits) -> Running:
    """The release that answers on ``port`` of loopback, with what it says of itself inside."""
    source = release.source
    contract = json.loads((source / CONTRACT_FILE).read_bytes())
    return Running(
        LOOPBACK, port, Golden.load(source / GOLDEN_FILE), contract, release.plan, limits
    )


def judged(check: Check, running: Running, name: str = "") -> Finding:
    """What ``check`` finds, also where the service breaks off or answers with something else."""
    name = name or check.__name__
    try:
        return Finding(name=name, passed=True, sentence=check(running))
    except Refused as error:
        return Finding(name=name, passed=False, sentence=str(error))
    except (*_UNANSWERED, ValueError, KeyError) as error:
        return Finding(name=name, passed=False, sentence=f"no usable answer: {error!r}")


@contextmanager
def serving(release: Release, python: Path | None = None) -> Iterator[Server]:
    """The release as a process of its own, just started; all of it is ended on leaving."""
    with tempfile.TemporaryDirectory(prefix="assay-proof-") as state:
        port = _free_port()
        command = [str(python or sys.executable), "-m", "bentoml", "serve", str(release.bento)]
        command += ["--host", LOOPBACK, "--port", str(port)]
        command += ["--timeout-graceful-shutdown", str(_GRACE)]
        with servers.running(_TITLE, port, command, _environment(Path(state))) as server:
            try:
                yield server
            finally:
                _end(server.process, state)


def _end(process: subprocess.Popen[bytes], state: str) -> None:
    """End all that runs of a service, whatever session it moved to: ``state`` is its own alone."""
    import psutil  # type: ignore[import-untyped]

    if process.poll() is None:
        process.terminate()
    _, left = psutil.wait_procs(list(_processes(state)), timeout=_LEAVE)
    processes.kill(left)
    psutil.wait_procs(left)


def _processes(state: str) -> Iterator[Any]:
    import psutil

    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.environ().get("ASSAY_HOME") == state:
                yield one


def _environment(state: Path) -> dict[str, str]:
    """Nothing of ours, and nothing that the user has set for the service that runs already.

    But for the server that answers in the place of the model, which a plan relies on.
    """
    kept = {**home.environment(), **os.environ}
    ours = {name for name in kept if name.startswith("ASSAY_") or name == "PYTHONPATH"}
    ours -= {URL_VARIABLE, KEY_VARIABLE}
    keys = {
        name: base64.b64encode(secrets.token_bytes(signing_keys.KEY_BYTES)).decode()
        for name in (signing_keys.URLS, signing_keys.CASES)
    }
    inherited = {name: value for name, value in kept.items() if name not in ours}
    return {**inherited, **keys, "ASSAY_HOME": str(state), "BENTOML_HOME": str(state / "bentoml")}


def _wait(server: Server, limit: float) -> float:
    """Seconds until it is ready; raises `ServerFailed` when it has ended, `Refused` when late."""
    probe = Running(LOOPBACK, server.port, Golden.model_construct(images=()), {}, "", Limits())
    begun = time.monotonic()
    while not _is_ready(probe):
        server.check()
        if time.monotonic() - begun > limit:
            raise Refused(f"it is not ready after {limit:g} s; see {server.log}")
        time.sleep(_POLL)
    return time.monotonic() - begun


def _is_ready(probe: Running) -> bool:
    try:
        return probe.ask("/readyz").status == HTTPStatus.OK
    except _UNANSWERED:
        return False


def _drained(running: Running, server: Server) -> str:
    """SIGTERM while images are in work: they are answered, and the process ends by itself."""
    with ThreadPoolExecutor(_LAST) as clients:
        asked = [clients.submit(running.detect, data) for data in _last_images()]
        _wait_for_work(running, asked)
        server.process.send_signal(signal.SIGTERM)
        refused = [text for one in asked if (text := _refusal(one))]
    try:
        status = server.process.wait(_GRACE)
    except subprocess.TimeoutExpired as error:
        raise Refused(f"it still runs {_GRACE} s after SIGTERM") from error
    if refused:
        raise Refused(f"images in work were not answered: {'; '.join(refused)}")
    if status not in (0, -signal.SIGTERM):
        raise Refused(f"it ended with status {status}")
    return f"{_LAST} images in work were answered, then it ended"


def _last_images() -> list[bytes]:
    return [picture(_LAST_SEED + n, _LAST_SIDE, _LAST_SIDE) for n in range(_LAST)]


def _wait_for_work(running: Running, asked: list[Future[Answer]]) -> None:
    """Return when all that was asked is in work; raises `Refused` when it never is."""
    while sum(release_checks.samples(running.ask("/metrics").body, "assay_admitted")) < len(asked):
        if all(one.done() for one in asked):
            raise Refused("/metrics never showed the images that were in work")
        time.sleep(_POLL / 10)


def _refusal(asked: Future[Answer]) -> str:
    """Why there is no verdict; empty where there is one."""
    try:
        answer = asked.result()
    except _UNANSWERED as error:
        return repr(error)
    return "" if answer.status == HTTPStatus.OK else f"{answer.status} {answer.body[:200]!r}"


def _proof(release: Release, cold_start: float | None, *findings: Finding) -> Proof:
    return Proof(release=release.name, cold_start=cold_start, findings=findings)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
