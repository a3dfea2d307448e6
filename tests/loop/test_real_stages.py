"""The real loop over the real monitor, killed while that is at work."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import run
from assay import home, processes
from assay.loop.turn import attempt_name
from assay.store import Store, StoreSettings
from assay.store.loops import LoopRun, LoopState
from tests.pipeline_runs import environment

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


@pytest.fixture
def store(trained_state: Path) -> Iterator[Store]:
    """The store of a champion that has answered nobody yet."""
    with environment(trained_state):
        home.prepare_environment()
        with Store.open(StoreSettings.from_environment(), drain=False) as opened:
            yield opened


def at_work(store: Store, before: int) -> LoopRun:
    """The new turn, as soon as its first stage is a process."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = store.loops.history(before + 1)
        if len(found) > before and processes.called(attempt_name(found[0], "monitor")):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the loop has not begun")


def test_loop_that_is_killed_while_it_monitors_measures_one_window(
    store: Store, capsys: pytest.CaptureFixture[str]
):
    turns, windows = len(store.loops.history(1000)), len(store.windows.newest(limit=1000))
    command = [sys.executable, "run.py", "--pipeline", "loop"]
    with subprocess.Popen(command, cwd=home.REPOSITORY, stderr=subprocess.DEVNULL) as loop:
        turn = at_work(store, turns)
        loop.kill()
    assert processes.called(attempt_name(turn, "monitor"))  # it outlives its loop
    assert run.main(["--pipeline", "loop"]) == 0
    assert "nothing had to be learned" in capsys.readouterr().out
    assert len(store.windows.newest(limit=1000)) == windows + 1
    again = store.loops.get(turn.id)
    assert (again.state, len(store.loops.history(1000))) == (LoopState.CALM, turns + 1)
    assert again.stages[0].attempts == 1
    assert processes.called(attempt_name(again, "monitor")) == []
