"""One turn of the loop: in order, one at a time, on from any kill without loss or repetition."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assay import home, processes
from assay.errors import StorageError
from assay.loop.stage import Stage
from assay.loop.turn import Turn
from assay.progress import silent
from assay.store import Store, StoreSettings
from assay.store.loops import LoopRun, LoopState, StageResult
from tests.loop import scripted
from tests.loop.scripted import MOMENTS, NAMES, PYTHON, Failing, Scripted, effects


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder, for logs."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    with Store.open(StoreSettings(folder=state / "store"), drain=False) as opened:
        yield opened


def turn(store: Store, stages: list[Stage], **options: object) -> Turn:
    return Turn(store.loops, stages, "test", **options)


def all_stages(folder: Path) -> list[Stage]:
    return [Scripted(name, folder) for name in NAMES]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("stage", NAMES)
def test_loop_that_is_killed_goes_on_and_repeats_nothing(
    stage: str, moment: str, store: Store, state: Path
):
    assert scripted.killed(state, stage, moment) == -signal.SIGKILL
    (left,) = store.loops.history()
    assert left.state is LoopState.RUNNING
    run = turn(store, all_stages(state)).take(silent)
    assert (run.id, run.state) == (left.id, LoopState.COMPLETED)
    assert effects(state) == list(NAMES)
    attempts = {one.name: one.attempts for one in run.stages}
    assert attempts == {name: 2 if (name, moment) == (stage, "before") else 1 for name in NAMES}
    assert [one.action for one in store.audit.entries()] == [
        "loop.started", "loop.resumed", "loop.completed",
    ]  # fmt: skip


def test_stages_run_in_order_and_know_what_came_before(store: Store, state: Path):
    run = turn(store, all_stages(state)).take(silent)
    assert (run.state, effects(state)) == (LoopState.COMPLETED, list(NAMES))
    assert run.fact("by_monitor") == run.fact("by_deploy") == run.id
    assert run.reasons == ("deploy is done",)
    assert store.loops.get(run.id) == run


def test_next_turn_begins_anew(store: Store, state: Path):
    first = turn(store, all_stages(state)).take(silent)
    second = turn(store, all_stages(state)).take(silent)
    assert first.id != second.id
    assert [run.id for run in store.loops.history()] == [second.id, first.id]


class Ending(Scripted):
    """A stage that ends the turn."""

    def result(self, run: LoopRun) -> StageResult | None:
        found = super().result(run)
        return found and StageResult("nothing has moved", {}, LoopState.CALM)


class NotNeeded(Scripted):
    """A stage that has nothing to do."""

    def is_needed(self, run: LoopRun) -> bool:
        return False


def test_stage_may_end_the_turn(store: Store, state: Path):
    run = turn(store, [Ending("monitor", state), Scripted("learn", state)]).take(silent)
    assert (run.state, run.reasons) == (LoopState.CALM, ("nothing has moved",))
    assert effects(state) == ["monitor"]


def test_stage_that_is_not_needed_is_not_begun(store: Store, state: Path):
    run = turn(store, [NotNeeded("monitor", state), Scripted("learn", state)]).take(silent)
    assert (run.state, effects(state)) == (LoopState.COMPLETED, ["learn"])
    assert [one.name for one in run.stages] == ["learn"]


def test_stage_without_a_result_ends_the_turn_with_its_last_words(store: Store, state: Path):
    stages = [Failing("monitor", state), Scripted("learn", state)]
    run = turn(store, stages, attempts=2).take(silent)
    assert (run.state, effects(state)) == (LoopState.FAILED, [])
    (reason,) = run.reasons
    assert reason.startswith("monitor: no result after 2 attempts; status 3: no disk left")
    assert run.stages[0].attempts == 2
    assert run.ended_at is not None


class Slow(Scripted):
    """A process that does not end, nor when it is asked to."""

    def command(self, run: LoopRun, name: str) -> list[str]:
        return [*PYTHON, "import time; time.sleep(60)", name]


def test_stage_that_takes_too_long_is_ended(store: Store, state: Path):
    stage = Slow("monitor", state)
    stage.seconds = 0.5
    run = turn(store, [stage]).take(silent)
    assert run.state is LoopState.FAILED
    assert "it took more than" in run.reasons[0]
    assert processes.called(f"{run.label}-monitor-1") == []


def test_two_loops_never_overlap(store: Store, state: Path):
    working = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state)],
        cwd=home.REPOSITORY,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    with working:
        assert working.stdout is not None
        held = working.stdout.readline().strip()
        with pytest.raises(StorageError, match=rf"else has been running the loop .*{held}"):
            turn(store, all_stages(state)).take(silent)
        assert effects(state) == []
        working.kill()
    run = turn(store, all_stages(state)).take(silent)
    assert (run.id, run.state) == (held, LoopState.COMPLETED)


HOLD = """
import sys
from datetime import timedelta
from pathlib import Path
from assay.store import Store, StoreSettings
with Store.open(StoreSettings(folder=Path(sys.argv[1]) / "store"), drain=False) as store:
    print(store.loops.claim("somebody else", timedelta(days=1)).id, flush=True)
    sys.stdin.read()
"""


class Interrupted(Scripted):
    """Somebody presses Ctrl-C while it runs."""

    def command(self, run: LoopRun, name: str) -> list[str]:
        raise KeyboardInterrupt


def test_interrupted_loop_is_free_at_once(store: Store, state: Path):
    with pytest.raises(KeyboardInterrupt):
        turn(store, [Scripted("monitor", state), Interrupted("learn", state)]).take(silent)
    run = turn(store, all_stages(state)).take(silent)
    assert (run.state, effects(state)) == (LoopState.COMPLETED, list(NAMES))
    assert len(store.loops.history()) == 1


def test_interrupting_ends_what_was_started(state: Path):
    command = [sys.executable, "-c", INTERRUPTIBLE, str(state)]
    started = subprocess.Popen(command, cwd=home.REPOSITORY, stderr=subprocess.DEVNULL)
    with started:
        until = time.monotonic() + 20
        while not processes.called("the-slow-one") and time.monotonic() < until:
            time.sleep(0.02)
        assert processes.called("the-slow-one")
        started.send_signal(signal.SIGINT)
        assert started.wait(20) != 0
    assert processes.called("the-slow-one") == []


INTERRUPTIBLE = """
import sys
from pathlib import Path
from assay.loop import children
words = [sys.executable, "-c", "import time; time.sleep(60)", "the-slow-one"]
children.run(words, Path(sys.argv[1]) / "log", 60.0, lambda: None)
"""


class Gate(logging.Handler):
    """Lets the orphan go on once the loop says that it waits for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        if "still at work" in record.getMessage():
            (self._folder / "go").touch()


ORPHAN = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[2])
while not (folder / "go").exists():
    time.sleep(0.01)
(folder / "effects").write_text("monitor\\n")
"""


def test_work_of_a_killed_loop_is_waited_for(
    store: Store, state: Path, caplog: pytest.LogCaptureFixture
):
    left = store.loops.begin(store.loops.claim("test", timedelta(days=1)).id, "monitor")
    words = [*PYTHON, ORPHAN, f"{left.label}-monitor-1", str(state)]
    gate = Gate(state)
    logger = logging.getLogger("assay.loop.turn")
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(gate)
    with subprocess.Popen(words):
        store.loops.release(left.id)
        run = turn(store, all_stages(state)).take(silent)
    logger.removeHandler(gate)
    assert (run.id, run.state) == (left.id, LoopState.COMPLETED)
    assert run.stages[0].attempts == 1
    assert effects(state) == list(NAMES)


def test_what_was_decided_long_ago_is_not_acted_on(store: Store, state: Path):
    left = store.loops.claim("test", timedelta(days=1))
    store.loops.release(left.id)
    run = turn(store, all_stages(state), max_age=timedelta(0)).take(silent)
    assert run.id != left.id
    abandoned = store.loops.get(left.id)
    assert abandoned.state is LoopState.ABANDONED
    assert "interrupted, and decided from what was seen until" in abandoned.reasons[0]


def test_loop_killed_at_one_stage_again_and_again_gives_up(store: Store, state: Path):
    left = store.loops.claim("test", timedelta(days=1))
    for _ in range(3):
        store.loops.begin(left.id, "monitor")
    store.loops.release(left.id)
    run = turn(store, all_stages(state), attempts=3).take(silent)
    assert run.state is LoopState.FAILED
    assert run.reasons == ("monitor: no result after 3 attempts; it was interrupted each time",)
    assert effects(state) == []


def test_environment_names_the_state_for_what_is_started(store: Store, state: Path):
    assert os.environ["ASSAY_HOME"] == str(state)
    turn(store, [Environment("monitor", state)]).take(silent)
    assert (state / "home").read_text() == str(state)


class Environment(Scripted):
    """A process that tells which state folder it was given."""

    def command(self, run: LoopRun, name: str) -> list[str]:
        words = "import os, sys; open(sys.argv[2] + '/home', 'w').write(os.environ['ASSAY_HOME'])"
        return [*PYTHON, words, name, str(self._folder)]

    def result(self, run: LoopRun) -> StageResult | None:
        is_there = (self._folder / "home").exists()
        return StageResult("told") if is_there else None
