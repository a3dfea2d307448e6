"""Who works on a run, and whether that process still lives.

A process that is killed cannot say so: the run it left behind stays "running" for ever. Every run
carries its process's identity, and the next start asks whether it is still there.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil  # type: ignore[import-untyped]


def identity(pid: int = 0) -> str:
    """A process (this one) as ``host:pid:start``; the start time tells apart a reused pid."""
    pid = pid or os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def pid_of(who: str) -> int:
    """The pid within an `identity`."""
    return int(who.rsplit(":", 2)[1])


def user() -> str:
    """Who started this process: the CI run that did, else the system's user; empty if unnamed."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return f"ci: {os.environ.get('GITHUB_ACTOR')}, run {os.environ.get('GITHUB_RUN_ID')}"
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return ""


def is_dead(who: str) -> bool:
    """Whether the process of an `identity` has ended; False where it cannot be known.

    A process of another host cannot be asked, so its runs are left alone.
    """
    host, pid, started = [*who.rsplit(":", 2), "", ""][:3]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _started(int(pid)) != started


def is_here(who: str) -> bool:
    """Whether the process of an `identity` is, or was, one of this machine."""
    return who.rsplit(":", 2)[0] == socket.gethostname()


def called(word: str) -> list[psutil.Process]:
    """Living processes that have ``word`` as one word of their command line."""
    import psutil

    found = psutil.process_iter(["cmdline", "status"])
    return [
        process
        for process in found
        if word in (process.info["cmdline"] or ())
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def family(pid: int) -> list[psutil.Process]:
    """The process and all that it has started, whatever sessions they are in; empty if it ended."""
    import psutil

    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(processes: Iterable[psutil.Process]) -> None:
    """End processes at once; those that have ended are left alone, also where a pid is reused."""
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _started(pid: int) -> str:
    """The start time of ``pid`` in seconds since the epoch, empty if there is no such process."""
    import psutil

    try:
        process = psutil.Process(pid)
        gone = process.status() == psutil.STATUS_ZOMBIE
        return "" if gone else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return ""
