"""What a simulation reads from the record of the loop."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from assay.progress import silent
from assay.simulation import turning
from assay.simulation.platform import Platform
from assay.simulation.sending import Crowd
from assay.simulation.settings import SimulationSettings
from assay.store import Store, StoreSettings
from assay.store.loops import LoopState, StageResult
from tests.simulation.made import window


def test_turn_that_deployed_is_read_with_its_window_and_version(tmp_path: Path):
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as store:
        kept = store.windows.add(window(4, "f_lattice"), "retrain", ("recall fell",))
        run = store.loops.claim("test", timedelta(days=1))
        facts = {"action": "retrain", "window": kept.id}
        store.loops.begin(run.id, "monitor")
        store.loops.finish(run.id, "monitor", StageResult("recall fell", facts))
        store.loops.begin(run.id, "learn")
        store.loops.finish(run.id, "learn", StageResult("better", {"version": "2"}))
        ended = store.loops.end(run.id, LoopState.COMPLETED, "version 2 answers")
        found = turning.recorded(ended, store, 12.34)
    assert (found.action, found.decided, found.reasons) == (
        "retrain",
        ("recall fell",),
        ("version 2 answers",),
    )
    assert [stage.name for stage in found.stages] == ["monitor", "learn"]
    assert found.window == window(4, "f_lattice")
    assert (found.version, found.seconds, found.has_deployed) == ("2", 12.3, True)


def test_turn_that_failed_says_so_without_a_window(tmp_path: Path):
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as store:
        run = store.loops.claim("test", timedelta(days=1))
        store.loops.begin(run.id, "monitor")
        ended = store.loops.end(run.id, LoopState.FAILED, "no disk left")
        found = turning.recorded(ended, store, 1.0)
    assert (found.state, found.action, found.window) == (LoopState.FAILED, "", None)
    assert found.reasons == ("no disk left",)
    assert not found.has_deployed


def test_turn_that_had_ended_before_a_kill_is_not_taken_again(tmp_path: Path):
    platform = Platform(tmp_path, 0.1)
    with platform.store() as store:
        run = store.loops.claim("test", timedelta(days=1))
        store.loops.end(run.id, LoopState.CALM, "nothing has moved")
    settings = SimulationSettings()
    nobody = Crowd({}, settings, {}), iter(())
    week = run.started_at - timedelta(hours=1), run.started_at
    turn, later = turning.take(platform, settings, week, nobody, silent)
    assert (turn.state, turn.reasons, later) == (LoopState.CALM, ("nothing has moved",), [])
    with platform.store() as store:
        assert len(store.loops.history()) == 1
