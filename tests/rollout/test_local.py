"""Rollouts beside a service as it really runs, under load: no client ever sees one fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assay import fingerprints, release
from assay.calibration import Calibration
from assay.errors import RolloutFailed
from assay.home import REPOSITORY
from assay.model_folder import CALIBRATION_FILE
from assay.model_registry import ModelFacts
from assay.progress import silent
from assay.release import Release
from assay.rollout import driver, proxy
from assay.rollout.driver import Outcome
from assay.rollout.launch import Active, Launch
from assay.rollout.limits import RolloutSettings, Strategy
from assay.rollout.local import LocalTarget
from assay.rollout.target import Mode
from tests import pipeline_runs
from tests.bento import servers, services
from tests.bento.servers import Server
from tests.bento.test_draining import wait_until
from tests.rollout.clients import Seen, asking

pytestmark = pytest.mark.timeout(600)
"""Services start in ten seconds, and in a minute where all cores are taken."""

SERVICE = "bento.service:Assay"
FAULTY = "tests.rollout.faulty:Assay"
SETTINGS = RolloutSettings(
    steps=(0.5,),
    shadow_share=0.5,
    seconds_per_step=0,
    timeout=60,
    minimum_requests=20,
    max_latency_ratio=3,
    poll_seconds=0.2,
)
SHORT_LEASE = 2.0


@pytest.fixture(scope="module")
def server(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with nginx before it, which all rollouts of this module go on beside."""
    if proxy.find() is None:
        pytest.skip("nginx is not installed")
    state = tmp_path_factory.mktemp("rolled")
    with pytest.MonkeyPatch.context() as patch, servers.serving(served_model, state) as server:
        patch.setenv("ASSAY_HOME", str(state))
        yield server


@pytest.fixture(scope="module")
def seen(server: Server) -> Seen:
    """What all clients of this module saw."""
    return Seen()


def launch(name: str, model: Path, service: str = SERVICE, **environment: str) -> Launch:
    given = {"ASSAY_MODEL": str(model), **environment}
    return Launch(name=name, service=service, folder=REPOSITORY, environment=given, is_release=True)


def other_opinion(server: Server, seen: Seen, model: Path, folder: Path) -> Path:
    """The model, calibrated so that everything is what ``server`` does not take a photo for."""
    with server.client() as client:
        answer = client.post("/v1/detect", files={"file": ("a.jpg", services.photo(0, 64, 96))})
    seen.ids.append(answer.json()["id"])
    threshold = 1e-6 if answer.json()["label"] == "authentic" else 1 - 1e-6
    shutil.copytree(model, folder)
    Calibration(2.0, threshold, threshold, threshold).save(folder / CALIBRATION_FILE)
    return folder


def rolled_out(
    server: Server, seen: Seen, launched: Launch, strategy: Strategy, **settings: object
) -> Outcome:
    target = LocalTarget()
    target.launch(launched)
    chosen = SETTINGS.model_copy(update={"strategy": strategy, **settings})
    with asking(server, seen):
        return driver.watch(target, chosen, silent)


@pytest.fixture(scope="module")
def packaged(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The model that is served, as a really built bento."""
    with pipeline_runs.environment(tmp_path_factory.mktemp("state")):
        content = fingerprints.content_hash(served_model)
        facts = ModelFacts("version 3", content, "data-1", "3", "train-1", "abc", "2026-01-01")
        return release.build(served_model, facts, None)


def test_release_is_promoted_as_a_canary_and_rolled_back(
    packaged: Release, server: Server, seen: Seen, served_model: Path
) -> None:
    target = LocalTarget()
    with asking(server, seen):
        outcome = driver.roll_out(target, packaged, SETTINGS, silent)
    assert outcome.promoted, outcome
    assert outcome.observed[0].disagreed == 0
    assert target.active() == packaged.name == Active.read().current.name
    with asking(server, seen):  # blue/green switches, there and back again
        back = [switched(target, seen) for _ in range(6)]
    assert back == [served_model.name, packaged.name] * 3
    assert target.roll_back() == served_model.name
    assert target.active() is None
    assert set(seen.outcomes) == {200}


def switched(target: LocalTarget, seen: Seen) -> str:
    """Roll back in the midst of answers."""
    answered = len(seen.outcomes)
    wait_until(lambda: len(seen.outcomes) > answered + 2, 60)
    return target.roll_back()


def test_failing_canary_is_rolled_back(server: Server, seen: Seen, served_model: Path) -> None:
    failing = launch("failing", served_model, FAULTY, FAULT="errors")
    outcome = rolled_out(server, seen, failing, Strategy.CANARY)
    assert not outcome.promoted
    assert "answers were errors" in outcome.reasons[0]
    assert set(seen.outcomes) == {200}


def test_slow_canary_is_rolled_back(server: Server, seen: Seen, served_model: Path) -> None:
    slow = launch("slow", served_model, FAULTY, FAULT="slow")
    few = {"steps": (0.25,), "minimum_requests": 10, "max_latency_ratio": 1.5}
    outcome = rolled_out(server, seen, slow, Strategy.CANARY, **few)
    assert not outcome.promoted
    assert "took longer than" in outcome.reasons[0]
    assert set(seen.outcomes) == {200}


@pytest.mark.parametrize("strategy", [Strategy.SHADOW, Strategy.CANARY])
def test_disagreeing_challenger_is_rolled_back(
    server: Server, seen: Seen, served_model: Path, tmp_path: Path, strategy: Strategy
) -> None:
    wrong = launch("wrong", other_opinion(server, seen, served_model, tmp_path / "model"))
    outcome = rolled_out(server, seen, wrong, strategy)
    assert not outcome.promoted
    assert "verdicts were others" in outcome.reasons[0]
    assert set(seen.outcomes) == {200}
    assert LocalTarget().active() is None


def test_killed_pipeline_loses_its_share(server: Server, seen: Seen, served_model: Path) -> None:
    launched = launch("orphaned", served_model).model_dump_json()
    program = f"""
from assay.rollout.launch import Launch
from assay.rollout.local import LocalTarget
from assay.rollout.target import Mode
import os
target = LocalTarget(lease={SHORT_LEASE})
target.launch(Launch.model_validate_json({launched!r}))
target.share(0.5, Mode("canary"))
os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False)
    assert killed.returncode == -signal.SIGKILL
    target = LocalTarget()
    assert target.observe().challenger.errors == 0
    with asking(server, seen):
        wait_until(lambda: status()["challenger"] is None, 30)
    with pytest.raises(RolloutFailed, match="no challenger"):
        target.observe()
    assert set(seen.outcomes) == {200}


def status() -> dict[str, object]:
    from assay.rollout import control

    found: dict[str, object] = control.ask("status")
    return found


def test_challenger_that_does_not_start_disturbs_nobody(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RolloutFailed, match="broken ended with status"):
        LocalTarget().launch(launch("broken", tmp_path, "tests.rollout.none:Assay"))
    with pytest.raises(RolloutFailed, match="no challenger"):
        LocalTarget().share(0.5, Mode.SHADOW)
    with server.client() as client:
        assert client.get("/readyz").status_code == 200


def test_every_answer_is_captured_once_and_no_copy(server: Server, seen: Seen) -> None:
    with server.store() as store:
        store.drainer.drain()
        assert all(store.captures.find(one) for one in seen.ids)
        kept = Counter(one.id for one in store.captures.page(limit=100_000))
    assert kept == Counter(seen.ids)


def test_killed_supervisor_leaves_no_process(server: Server) -> None:
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert any("nginx" in one.name() for one in family)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    assert psutil.wait_procs(family, timeout=30)[1] == []
