"""Children of a simulation see its own state folder, and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from assay import home
from assay.simulation.platform import Platform, SimulationFailed

CONFIG = home.REPOSITORY / "configs" / "data_validation.yaml"


def test_children_are_led_to_the_simulation_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("MLFLOW_TRACKING_URI", "ZENML_STORE_URL", "ASSAY_DATABASE_URL", "ASSAY_MODEL"):
        monkeypatch.setenv(name, "https://production.example")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "user"))
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    found = Platform(tmp_path / "simulation", 0.25).environment()
    assert found["ASSAY_HOME"] == str(tmp_path / "simulation")
    assert found["ASSAY_AUDIT_SHARE"] == "0.25"
    assert not any(
        "production" in value or str(tmp_path / "user") in value for value in found.values()
    )
    assert found["PATH"] == os.environ["PATH"]


def test_pipeline_that_fails_tells_its_last_words(tmp_path: Path):
    platform = Platform(tmp_path, 0.1)
    with platform.run("train", CONFIG, "data.limti=3") as run:
        assert run.wait() == 2
    assert "data.limti: unknown setting" in run.words()
    assert run.log == tmp_path / "logs" / "train.txt"


def test_service_without_a_model_says_why_it_does_not_come_up(tmp_path: Path):
    with (
        pytest.raises(SimulationFailed, match="there is no champion to serve"),
        Platform(tmp_path, 0.1).serving(),
    ):
        pass


def test_child_ends_when_the_simulation_is_killed(tmp_path: Path):
    code = f"""
        import sys, time
        from pathlib import Path
        from assay.simulation.platform import Platform
        with Platform(Path({str(tmp_path)!r}), 0.1).run("train", Path({str(CONFIG)!r})) as run:
            print(run._process.pid, flush=True)
            time.sleep(60)
    """
    environment = {**os.environ, "PYTHONPATH": str(home.REPOSITORY)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    simulation = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert simulation.stdout is not None
    child = psutil.Process(int(simulation.stdout.readline()))
    simulation.send_signal(signal.SIGKILL)
    simulation.communicate()
    until = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the child outlived the simulation"
        time.sleep(0.1)
