"""How long a piece of work takes by itself, and how busy it keeps the processor and the GPU."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Self

_EVERY = 100
"""Milliseconds between two looks at a GPU."""


_SCHEDULER = Path("/proc/thread-self/schedstat")
"""Of Linux; its second number is the nanoseconds that this thread has waited for a core."""


def undisturbed() -> float:
    """Seconds on a clock that stands still while this thread waits for a core.

    Other processes can then not make work look slow. Where the system does not count such waiting,
    it is a plain clock.
    """
    waited = _waited()
    while True:
        now, before, waited = time.perf_counter(), waited, _waited()
        if waited == before:  # else a wait has begun and ended in between
            return now - waited / 1e9


def _waited() -> int:
    """Nanoseconds; 0 where nobody counts."""
    try:
        return int(_SCHEDULER.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0


class Utilisation:
    """Looks on from the beginning of a ``with`` block to its end."""

    def __init__(self) -> None:
        self.cpu = 0.0
        """Seconds of all cores, of this process."""
        self.gpu: float | None = None
        """Share of the time that a kernel ran (NVML's utilisation); None without a GPU."""

    def __enter__(self) -> Self:
        self._sampler = _sampler()
        self._began = time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu = time.process_time() - self._began
        if self._sampler is not None:
            self._sampler.terminate()
            output, _unused = self._sampler.communicate()
            seen = [float(line) for line in output.split() if line.isdecimal()]
            self.gpu = statistics.mean(seen) / 100 if seen else None


def _sampler() -> subprocess.Popen[str] | None:
    """``nvidia-smi``, which writes the utilisation of the first GPU in per cent, line by line."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
    return subprocess.Popen(  # noqa: S603 (fixed arguments)
        [command, *query, f"--loop-ms={_EVERY}"], stdout=subprocess.PIPE, text=True
    )
