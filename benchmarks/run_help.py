"""How soon `run.py --help` answers, in seconds: nothing heavy may be imported for it."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.figures import Figure, in_turns, report, seconds

ROUNDS = 9


def measure() -> list[Figure]:
    """Median seconds of a fresh process."""
    (median,) = in_turns(ROUNDS, lambda: seconds(_ask))
    return [Figure("run.py --help", median, "s", at_most=0.5)]


def _ask() -> None:
    command = [sys.executable, "run.py", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(report(measure))
