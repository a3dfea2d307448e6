"""What a state folder remembers of its rollouts while nothing is served."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from assay import home
from assay.errors import RolloutFailed, StorageError
from assay.release import Release
from assay.rollout.launch import Active, Launch
from assay.rollout.local import LocalTarget
from assay.rollout.target import Mode


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    return tmp_path


def release(name: str) -> Release:
    content = {"model_version": "1", "model_content": "c", "built_at": "now"}
    return Release(name=name, bento=Path("bentos") / name, **content)


def rolled_out(name: str) -> LocalTarget:
    target = LocalTarget()
    target.start(release(name))
    target.promote()
    return target


def test_release_is_recorded_for_the_next_start() -> None:
    target = rolled_out("v1")
    assert not target.is_serving()
    assert target.active() == "v1"
    current = Active.read().current
    assert current is not None
    assert current.service == str(Path("bentos/v1").absolute())


def test_way_back_leads_to_the_one_before_and_to_the_champion() -> None:
    target = rolled_out("v1")
    assert target.roll_back() == "the champion"
    assert target.active() is None
    assert target.roll_back() == "v1"
    assert rolled_out("v2").roll_back() == "v1"
    assert target.active() == "v1"


def test_without_a_rollout_there_is_no_way_back() -> None:
    with pytest.raises(RolloutFailed, match="no way back"):
        LocalTarget().roll_back()


def test_abandoned_release_is_not_recorded() -> None:
    target = LocalTarget()
    target.start(release("v1"))
    target.abandon()
    assert target.active() is None


def test_share_without_a_service_says_what_to_start() -> None:
    with pytest.raises(RolloutFailed, match="start `make serve`"):
        LocalTarget().share(0.5, Mode.CANARY)


def test_model_that_is_no_release_is_followed_by_the_champion() -> None:
    tried = Launch(name="tried", service="a:B", folder=Path())
    assert Active().promoted(tried).current is None


def test_damaged_record_is_named() -> None:
    (home.folder("rollout") / "active.json").write_text("{")
    with pytest.raises(StorageError, match=r"active\.json"):
        Active.read()


def test_warden_ends_what_a_killed_process_had_started() -> None:
    program = """
import subprocess, sys, time
from assay.rollout.warden import warden
with warden() as watcher:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                             start_new_session=True)
    watcher.watch(child.pid)
    print(child.pid, flush=True)
    time.sleep(600)
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=home.REPOSITORY) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
    assert psutil.wait_procs([child], timeout=20)[1] == []
