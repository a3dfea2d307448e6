"""The processes that stages are run in, which outlive a loop that is killed.

Such a process goes on with its work. Whoever takes the loop over finds it by its name, one word of
its command line, and waits for it instead of beginning again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay import home, processes
from assay.errors import AssayError

if TYPE_CHECKING:
    import psutil  # type: ignore[import-untyped]

_LOOK = 1.0
"""Seconds between two looks at what is running."""
_PATIENCE = 20.0
"""Seconds for which a process may take its leave."""


class StageFailed(AssayError):
    """A stage ended without leaving a result, or took too long."""


def run(command: Sequence[str], log: Path, seconds: float, beat: Callable[[], None]) -> int:
    """Run ``command`` to its end, its output in ``log``; returns the exit status.

    ``beat`` is called while it runs. However this is left, the process and what it started have
    ended, unless this process is killed. Raises `StageFailed` after ``seconds``.
    """
    with log.open("ab") as stream:
        started = subprocess.Popen(  # noqa: S603 (our own command)
            command,
            cwd=home.REPOSITORY,
            env={**os.environ, **home.environment()},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only the loop, which ends it
        )
    with started:
        _until(lambda: _has_ended(started), processes.family(started.pid)[:1], seconds, beat)
        return started.wait()


def last_words(log: Path) -> str:
    """The last line of what a process wrote."""
    written = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return written.strip().rpartition("\n")[2]


def wait(running: Sequence[psutil.Process], seconds: float, beat: Callable[[], None]) -> None:
    """Return once all have ended that somebody else had started; as `run`."""
    import psutil

    _until(lambda: not psutil.wait_procs(running, _LOOK)[1], running, seconds, beat)


def _until(
    ended: Callable[[], bool],
    running: Sequence[psutil.Process],
    seconds: float,
    beat: Callable[[], None],
) -> None:
    deadline, is_over = time.monotonic() + seconds, False
    try:
        while not (is_over := ended()):
            beat()
            if time.monotonic() > deadline:
                raise StageFailed(f"it took more than {seconds / 3600:g} hours")
    finally:
        if not is_over:
            _end(running)


def _has_ended(started: subprocess.Popen[bytes]) -> bool:
    """Whether it has; its own `wait` keeps the status, which psutil's would take away."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.wait(_LOOK)
    return started.returncode is not None


def _end(running: Sequence[psutil.Process]) -> None:
    """Ask to end, so that runs are marked as interrupted; then insist."""
    import psutil

    families = [one for process in running for one in processes.family(process.pid)]
    for process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(running, timeout=_PATIENCE)
    processes.kill(families)
