"""A PostgreSQL server of the tests' own, from Debian's packages, started and stopped by them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

URL_VARIABLE = "ASSAY_TEST_POSTGRES_URL"
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


def missing() -> str:
    """Why no test can reach a PostgreSQL, empty where one can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed"
    if URL_VARIABLE not in os.environ and _programs() is None:
        return f"no PostgreSQL server is installed, and {URL_VARIABLE} is not set"
    return ""


class Server:
    """A server that lives in a folder; started and stopped as a test likes."""

    def __init__(self, folder: Path) -> None:
        # A socket's path has to be short, and its folder open to the server's user.
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        who = {"user": "postgres", "group": "postgres", "extra_groups": []} if _is_root() else {}
        if who:
            shutil.chown(folder, "postgres", "postgres")
        self._quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **who}
        self._control = [_programs() / "pg_ctl", "-D", folder / "data", "-w"]
        settings = (*_FAST, f"unix_socket_directories={folder}")
        self._options = " ".join(f"-c {setting}" for setting in settings)
        self._log = folder / "log"
        initdb = [_programs() / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust"]
        subprocess.run([*initdb, "-N", "-E", "UTF8", "--locale=C"], **self._quiet)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        subprocess.run(
            [*self._control, "-l", self._log, "-o", self._options, "start"], **self._quiet
        )

    def stop(self) -> None:
        """Cut all connections; what was committed is there at the next start."""
        subprocess.run([*self._control, "-m", "fast", "stop"], **self._quiet)


@contextmanager
def stopped() -> Iterator[Server]:
    """A server of one's own that does not run yet; stopped at the end if it does."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=base))
    try:
        server = Server(folder)
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server: the one that is named, or one that lives in a folder of its own."""
    if url := os.environ.get(URL_VARIABLE):
        yield url
        return
    with stopped() as server:
        server.start()
        yield server.url


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


def _is_root() -> bool:
    return os.geteuid() == 0
