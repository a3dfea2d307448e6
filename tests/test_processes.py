"""Whether the process behind a run still lives."""

from __future__ import annotations

import subprocess
import sys

from assay import processes


def test_this_process_is_alive():
    assert not processes.is_dead(processes.identity())


def test_ended_process_is_dead():
    script = "from assay import processes; print(processes.identity())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert processes.is_dead(done.stdout.strip())


def test_reused_pid_of_another_start_is_dead():
    host, pid, _ = processes.identity().rsplit(":", 2)
    assert processes.is_dead(f"{host}:{pid}:1.00")


def test_process_of_another_host_is_left_alone():
    _, pid, started = processes.identity().rsplit(":", 2)
    assert not processes.is_dead(f"elsewhere:{pid}:{started}")
    assert not processes.is_dead("")
