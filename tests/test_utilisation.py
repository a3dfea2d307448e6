"""Clocks that other processes do not disturb."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from assay import utilisation
from assay.parallel import cores
from assay.utilisation import Utilisation, undisturbed


def counted(steps: int) -> float:
    """Processor seconds of some work, beside what the clock says of it."""
    start, busy = undisturbed(), time.thread_time()
    sum(range(steps))
    return (undisturbed() - start) / (time.thread_time() - busy)


def spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


@pytest.mark.skipif(
    not Path("/proc/thread-self/schedstat").exists(), reason="only Linux counts waiting for a core"
)
def test_waiting_for_a_core_does_not_count():
    others = [
        multiprocessing.get_context("fork").Process(target=spin, args=(3,))
        for _ in range(3 * cores())
    ]
    for other in others:
        other.start()
    try:
        ratio = min(counted(3_000_000) for _ in range(3))
    finally:
        for other in others:
            other.kill()
            other.join()
    assert ratio == pytest.approx(1, abs=0.2)


def test_clock_goes_on_where_nobody_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(utilisation, "_SCHEDULER", tmp_path / "none")
    before = undisturbed()
    spin(0.01)
    assert undisturbed() - before >= 0.01


def test_work_keeps_a_core_busy():
    start = time.process_time()
    with Utilisation() as used:
        spin(0.05)
    assert 0 < used.cpu <= time.process_time() - start
    assert used.gpu is None or 0 <= used.gpu <= 1
