"""Ends what a supervisor has started when the supervisor itself was killed.

    python -m assay.rollout.warden < PIPE

Each line of its standard input is the identity (`assay.processes`) of a process. When the input
ends, its writer has gone: whatever still lives of these is told to end, and killed after a while.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from assay import processes
from assay.errors import RolloutFailed

GRACE = 60.0
"""Seconds in which accepted requests are finished at the end."""


class Warden:
    """The supervisor's end of the pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def watch(self, pid: int) -> None:
        """End ``pid``, and all that it has started, when this process has gone.

        Raises `RolloutFailed` where the warden itself was killed: nothing more is started then.
        """
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        try:
            self._process.stdin.write(f"{processes.identity(pid)}\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise RolloutFailed("the warden of `make serve` was killed; start it again") from error


@contextmanager
def warden() -> Iterator[Warden]:
    """A warden that has nothing left to do when the context is left as it should be."""
    command = [sys.executable, "-m", __name__]
    process = subprocess.Popen(  # noqa: S603 (our own command)
        command, stdin=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield Warden(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait()


def end(identities: Sequence[str], grace: float = GRACE) -> None:
    """Tell processes to end, and kill with all their children what has not after ``grace``."""
    import psutil  # type: ignore[import-untyped]

    alive = [processes.pid_of(one) for one in identities if not processes.is_dead(one)]
    families = [processes.family(pid) for pid in alive]
    for first in (family[0] for family in families if family):
        with contextlib.suppress(psutil.NoSuchProcess):
            first.terminate()
    left = psutil.wait_procs([one for family in families for one in family], timeout=grace)[1]
    processes.kill(left)


def main() -> None:
    """Wait until the supervisor has gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    end([line.strip() for line in sys.stdin])


if __name__ == "__main__":
    main()
