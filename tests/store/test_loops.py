"""Turns of the loop on record: one at a time, taken over after a kill, told once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from assay import home, processes
from assay.errors import NotStored, StorageError
from assay.store import Store
from assay.store.deployments import Action
from assay.store.loop_tables import LoopRow
from assay.store.loops import LEASE, LoopRun, LoopState, StageResult
from tests.captures import Clock

AGE = timedelta(days=3)


def begun(store: Store) -> LoopRun:
    return store.loops.claim("maria", AGE)


def belongs_to(store: Store, process: str) -> None:
    with store.database.writing() as session:
        session.execute(sa.update(LoopRow).values(process=process))


def dead_process() -> str:
    script = "from assay import processes; print(processes.identity())"
    command = [sys.executable, "-c", script]
    return subprocess.check_output(command, cwd=home.REPOSITORY, text=True).strip()


def test_turn_is_read_as_it_was_written(store: Store, clock: Clock):
    run = begun(store)
    store.loops.begin(run.id, "monitor")
    clock.advance(60)
    result = StageResult("3 columns moved", {"action": "retrain", "window": "w1"})
    done = store.loops.finish(run.id, "monitor", result)
    (stage,) = done.stages
    assert (stage.name, stage.attempts, stage.summary) == ("monitor", 1, "3 columns moved")
    assert stage.ended_at == clock.now
    assert stage.began_at == done.started_at == run.started_at
    assert (done.fact("action"), done.fact("version")) == ("retrain", None)
    assert store.loops.get(run.id[:30]) == done
    assert done.state is LoopState.RUNNING


def test_stages_keep_their_order_and_count_attempts(store: Store):
    run = begun(store)
    for stage in ("monitor", "learn", "deploy", "learn", "learn"):
        run = store.loops.begin(run.id, stage)
    assert [(one.name, one.attempts) for one in run.stages] == [
        ("monitor", 1), ("learn", 3), ("deploy", 1),
    ]  # fmt: skip


def test_result_that_ends_the_turn_frees_the_loop(store: Store):
    run = begun(store)
    store.loops.begin(run.id, "monitor")
    ended = store.loops.finish(run.id, "monitor", StageResult("calm", {}, LoopState.CALM))
    assert (ended.state, ended.reasons) == (LoopState.CALM, ("calm",))
    assert begun(store).id != run.id
    with pytest.raises(StorageError, match="is calm by now; start another"):
        store.loops.begin(run.id, "learn")


def test_second_turn_is_refused_while_the_first_lives(store: Store):
    run = begun(store)
    with pytest.raises(StorageError, match=rf"maria has been running .*{run.id}.*; wait"):
        begun(store)


def test_of_several_that_begin_at_once_one_does(store: Store):
    def attempt(_: int) -> bool:
        try:
            return bool(begun(store))
        except StorageError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]


def test_turn_of_a_dead_process_is_taken_over_at_once(store: Store):
    run = begun(store)
    store.loops.begin(run.id, "monitor")
    belongs_to(store, dead_process())
    again = store.loops.claim("jo", AGE)
    assert (again.id, again.who) == (run.id, "jo")
    assert [one.name for one in again.stages] == ["monitor"]
    assert [e.action for e in store.audit.entries()] == ["loop.started", "loop.resumed"]


def test_turn_of_another_machine_is_taken_over_after_its_lease(store: Store, clock: Clock):
    run = begun(store)
    belongs_to(store, "elsewhere:1:1.00")
    clock.advance(LEASE.total_seconds() - 1)
    with pytest.raises(StorageError):
        begun(store)
    clock.advance(1)
    assert begun(store).id == run.id


def test_lease_of_this_machine_does_not_lapse_while_the_process_lives(store: Store, clock: Clock):
    begun(store)
    clock.advance(10 * LEASE.total_seconds())
    with pytest.raises(StorageError):
        begun(store)


def test_sign_of_life_renews_the_lease(store: Store, clock: Clock):
    run = begun(store)
    clock.advance(LEASE.total_seconds() - 1)
    store.loops.keep(run.id)
    belongs_to(store, "elsewhere:1:1.00")
    clock.advance(LEASE.total_seconds() - 1)
    with pytest.raises(StorageError):
        begun(store)


def test_whoever_lost_a_turn_can_change_nothing_of_it(store: Store):
    run = begun(store)
    store.loops.begin(run.id, "monitor")
    belongs_to(store, f"elsewhere:1:{1.0}")
    changes = (
        lambda: store.loops.keep(run.id),
        lambda: store.loops.begin(run.id, "monitor"),
        lambda: store.loops.finish(run.id, "monitor", StageResult("done")),
        lambda: store.loops.end(run.id, LoopState.FAILED, "late"),
    )
    for change in changes:
        with pytest.raises(StorageError, match="was taken over by maria; leave it to them"):
            change()
    assert store.loops.get(run.id).state is LoopState.RUNNING


def test_turn_that_was_released_is_free(store: Store):
    run = begun(store)
    store.loops.release(run.id)
    assert begun(store).id == run.id


def test_old_one_is_closed_and_another_begun(store: Store, clock: Clock):
    run = begun(store)
    store.loops.release(run.id)
    clock.advance(AGE.total_seconds() + 1)
    assert begun(store).id != run.id
    old = store.loops.get(run.id)
    assert (old.state, old.ended_at) == (LoopState.ABANDONED, clock.now)
    assert store.audit.verify() is None


def test_ends_are_told_once_and_only_while_they_are_news(store: Store, clock: Clock):
    ends = LoopState.PAGED, LoopState.CALM, LoopState.COMPLETED
    runs = [store.loops.end(begun(store).id, state, "so it is") for state in ends]
    assert [run.id for run in store.loops.untold()] == [runs[0].id, runs[2].id]
    store.loops.told(runs[0].id)
    assert [run.id for run in store.loops.untold()] == [runs[2].id]
    clock.advance(timedelta(days=2).total_seconds() + 1)
    assert store.loops.untold() == []


def test_history_is_newest_first(store: Store):
    first = store.loops.end(begun(store).id, LoopState.CALM)
    second = begun(store)
    assert [run.id for run in store.loops.history()] == [second.id, first.id]
    assert [run.id for run in store.loops.history(1)] == [second.id]


def learned(store: Store, *, promoted: bool) -> None:
    run = begun(store)
    store.loops.begin(run.id, "learn")
    store.loops.finish(run.id, "learn", StageResult("judged", {"promoted": promoted}))
    store.loops.end(run.id, LoopState.COMPLETED)


def test_age_of_the_training_counts_what_was_promoted_or_deployed(store: Store, clock: Clock):
    assert store.loops.learned_at() is None
    made = store.deployments.begin("local", Action.DEPLOY, "direct", "maria")
    store.deployments.activate(made.id, "maria")
    deployed = clock.now
    clock.advance(60)
    learned(store, promoted=False)
    assert store.loops.learned_at() == deployed
    learned(store, promoted=True)
    clock.advance(60)
    back = store.deployments.begin("local", Action.ROLLBACK, "", "maria")
    store.deployments.activate(back.id, "maria")
    learned(store, promoted=False)
    assert store.loops.learned_at() == deployed + timedelta(seconds=60)


@pytest.mark.parametrize("asked", ["", "0", "nothing"])
def test_unknown_turn_is_named(store: Store, asked: str):
    store.loops.end(begun(store).id, LoopState.CALM)
    begun(store)
    with pytest.raises(NotStored, match=r"`loop list` names them"):
        store.loops.get(asked)


def test_label_names_runs_by_their_turn(store: Store):
    run = begun(store)
    assert run.label.startswith("loop-")
    assert run.label.removeprefix("loop-") in run.id.replace("-", "")


def test_process_is_asked_by_a_word_of_its_command_line():
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "loop-word-1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as started:
        (found,) = processes.called("loop-word-1")
        assert found.pid == started.pid
        assert started.stdin is not None
        started.stdin.close()
        started.wait()
        assert processes.called("loop-word-1") == []
