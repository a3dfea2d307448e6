"""nginx as a process: started on a `Site`, switched without a moment's pause, ended gracefully."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from assay.errors import RolloutFailed
from assay.rollout import nginx
from assay.rollout.answers import AnswersLog
from assay.rollout.nginx import Site
from assay.rollout.slot import Colour
from assay.rollout.warden import Warden

NEEDED = "rollouts need nginx: `apt-get install nginx` (Debian), then start `make serve` again"
_PATIENCE = 10.0
_CONNECTIONS = 4096


def find() -> str | None:
    """The program, also where Debian puts it for root only; None where it is not installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True, slots=True)
class Routes:
    """Who answers what."""

    current: Colour
    is_observed: bool = False
    """Whether answers to detections are logged, and may be copied."""
    canary: float = 0.0
    """Share of detections that the other one answers."""
    copied: float = 0.0
    """Share of detections of which a copy goes to the relay."""


class Proxy:
    """A running nginx."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._folder, self.process = folder, process
        self.log = AnswersLog(folder / nginx.ANSWERS_LOG)

    def route(self, routes: Routes) -> None:
        """Send requests as ``routes`` say, from the next one on."""
        _switch(self._folder, routes)

    def end(self) -> None:
        """Finish the requests under way, and end."""
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait()


@contextmanager
def running(program: str, site: Site, folder: Path, warden: Warden) -> Iterator[Proxy]:
    """A proxy for ``site``, which listens; its files lie in ``folder``.

    Raises `RolloutFailed` where it does not start.
    """
    _prepare(folder, site)
    command = [program, "-p", f"{folder}", "-c", "nginx.conf", "-e", "stderr"]
    process = subprocess.Popen(  # noqa: S603 (our own command)
        command, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        warden.watch(process.pid)
        _wait(process, site)
        yield Proxy(folder, process)
    finally:
        if process.poll() is None:
            Proxy(folder, process).end()


def worker_user() -> str:
    """As whom nginx's worker runs: as we do, which only root has to say."""
    return pwd.getpwuid(0).pw_name if os.geteuid() == 0 else ""


def connections() -> int:
    """How many connections the system lets one process have, up to what is of use here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _CONNECTIONS if hard == resource.RLIM_INFINITY else min(_CONNECTIONS, hard)


def _prepare(folder: Path, site: Site) -> None:
    _end_leftover(folder)
    shutil.rmtree(folder / "temporary", ignore_errors=True)  # bodies that a killed nginx left
    for name in ("logs", "temporary"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / nginx.ANSWERS_LOG).write_bytes(b"")
    (folder / "nginx.conf").write_text(nginx.configuration(site), encoding="utf-8")
    _switch(folder, Routes(Colour.BLUE))


def _switch(folder: Path, routes: Routes) -> None:
    """Have the link `nginx.SWITCH` lead to a folder that says ``routes``, all at once."""
    link = folder / nginx.SWITCH
    before = link.resolve() if link.is_symlink() else None
    new = next(path for n in count() if not (path := folder / f"{nginx.SWITCH}.{n}").exists())
    for name, share in ((nginx.CANARY, routes.canary), (nginx.COPIED, routes.copied)):
        (new / name).mkdir(parents=True)
        for bucket in range(buckets(share)):
            (new / name / str(bucket)).touch()
    flags = {nginx.GREEN: routes.current is Colour.GREEN, nginx.OBSERVED: routes.is_observed}
    for name in (name for name, is_set in flags.items() if is_set):
        (new / name).touch()
    fresh = folder / f"{nginx.SWITCH}.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(new.name)
    fresh.replace(link)
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)


def buckets(share: float) -> int:
    """How many of nginx's buckets make up ``share``; any share but 0 is at least one."""
    return max(round(share * nginx.BUCKETS), 1) if share > 0 else 0


def _wait(process: subprocess.Popen[bytes], site: Site) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((site.host, site.port), 1):
            return
        time.sleep(0.02)
    raise RolloutFailed(f"nginx does not listen on {site.host}:{site.port}; its words are above")


def _end_leftover(folder: Path) -> None:
    """End an nginx whose supervisor was killed together with its warden."""
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            # Its title is one text: the workers of nginx end with it.
            if "nginx" in process.name() and f"-p {folder} " in " ".join(process.cmdline()):
                process.terminate()
                process.wait(_PATIENCE)
