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


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server: the one that is named, or one that lives in a folder of its own."""
    if url := os.environ.get(URL_VARIABLE):
        yield url
        return
    programs = _programs()
    # A socket's path has to be short, and its folder open to the server's user.
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=base))
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if _is_root() else {}
    if who:
        shutil.chown(folder, "postgres", "postgres")
    data, log = folder / "data", folder / "log"
    settings = " ".join(
        f"-c {setting}" for setting in (*_FAST, f"unix_socket_directories={folder}")
    )
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **who}
    pg_ctl = [programs / "pg_ctl", "-D", data, "-w"]
    try:
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N"]
        subprocess.run([*initdb, "-E", "UTF8", "--locale=C"], **quiet)
        subprocess.run([*pg_ctl, "-l", log, "-o", settings, "start"], **quiet)
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            subprocess.run([*pg_ctl, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


def _is_root() -> bool:
    return os.geteuid() == 0
