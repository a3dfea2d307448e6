"""The service follows a plan for its model, refuses another's, and does without a torn one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assay.errors import PlanMismatch
from assay.home import REPOSITORY
from assay.serving_recipe import DEFAULT
from assay.serving_strategies import recipe_of
from bento import serving
from tests.bento import plans, servers, services
from tests.bento.services import Service

CHOICES = ("bf16", "batch_size=8", "pixels=50", "evidence_workers=1")


@pytest.fixture
def plan_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the plan is looked for; nothing is there yet."""
    file = tmp_path / "serving_plan.json"
    monkeypatch.setenv(serving.PLAN_VARIABLE, str(file))
    return file


@pytest.fixture(scope="module")
def planned(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    plan = plans.plan(served_model, CHOICES)
    folder = tmp_path_factory.mktemp("store")
    with services.running(served_model, folder, serving=serving.Serving(plan)) as running:
        yield running


def test_a_plan_for_this_model_is_followed(served_model: Path, plan_file: Path) -> None:
    plan = plans.plan(served_model, CHOICES)
    plan.save(plan_file)
    followed = serving.follow(served_model)
    assert followed.plan == plan
    assert followed.recipe == recipe_of(CHOICES)


def test_a_plan_for_another_model_is_refused(served_model: Path, plan_file: Path) -> None:
    plan = plans.plan(served_model, model_content="0" * 64, model_version="6")
    plan.save(plan_file)
    with pytest.raises(PlanMismatch, match=rf"{plan.name} was made for model 6 \(0{{12}}\), not"):
        serving.follow(served_model)


def test_the_service_does_not_start_with_another_models_plan(
    served_model: Path, plan_file: Path
) -> None:
    plans.plan(served_model, model_content="0" * 64).save(plan_file)
    environment = os.environ | {"ASSAY_MODEL": str(served_model)}
    command = [sys.executable, "-m", "bentoml", "serve", "bento.service:Assay"]
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line]
    assert line.startswith("assay: plan-")
    assert "was made for model" in line


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}', "\x00\xff"], ids=repr)
def test_a_corrupt_plan_is_one_line_and_the_default(
    text: str, served_model: Path, plan_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan_file.write_text(text, encoding="latin-1")
    said = logged(serving.follow(served_model), caplog)
    assert len(said) == 1
    assert "the model is run as it was trained: " in said[0]
    assert str(plan_file) in said[0]
    assert "\n" not in said[0]


def logged(followed: serving.Serving, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is warned of, for one that follows no plan but the default where none is there."""
    with caplog.at_level(logging.WARNING, "bento.serving"):
        followed.log()
    if followed.plan is None:
        assert followed.recipe == DEFAULT
    return caplog.messages


def test_a_torn_plan_is_no_plan(
    served_model: Path, plan_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = plans.plan(served_model).text()
    plan_file.write_text(whole[: len(whole) // 2])
    assert len(logged(serving.follow(served_model), caplog)) == 1


def test_a_plan_without_the_figures_that_are_shown_is_no_plan(
    served_model: Path, plan_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = plans.plan(served_model).text()
    plan_file.write_text(text.replace('"1": 70.0', '"2": 70.0'))
    (said,) = logged(serving.follow(served_model), caplog)
    assert "baseline.throughput lacks batches of [1]" in said


def test_without_a_plan_the_model_is_run_as_it_was_trained(
    served_model: Path, plan_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (said,) = logged(serving.follow(served_model), caplog)
    assert "run.py --pipeline optimize" in said


def test_a_plan_that_this_machine_cannot_follow_is_the_default(
    served_model: Path, plan_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plans.plan(served_model, ("bitsandbytes_4bit", "batch_size=8")).save(plan_file)
    (said,) = logged(serving.follow(served_model), caplog)
    assert "bitsandbytes_4bit: it needs an NVIDIA GPU" in said


def test_another_machine_and_other_libraries_are_warned_of(
    served_model: Path, plan_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = plans.plan(served_model)
    there = {"hardware": here.hardware | {"processor": "Abacus"}, "versions": {"torch": "0.1"}}
    plans.plan(served_model, **there).save(plan_file)
    followed = serving.follow(served_model)
    said = logged(followed, caplog)
    assert followed.plan is not None
    assert len(said) == 2
    assert "Abacus" in said[0]
    assert "torch '0.1'" in said[1]


def test_the_same_machine_is_not_warned_of(
    served_model: Path, plan_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plans.plan(served_model).save(plan_file)
    assert logged(serving.follow(served_model), caplog) == []


def test_the_model_says_by_which_plan_it_is_run_and_why(planned: Service) -> None:
    told = planned.client.get("/v1/model").json()["serving_plan"]
    plan = planned.runtime.plan
    assert plan is not None
    assert told["name"] == plan.name
    assert told["choices"] == list(CHOICES)
    assert told["reasons"] == list(plan.reasons)
    assert told["figures"]["images_per_second"] == plan.figures.throughput[8]
    assert told["figures"]["speed_up"] == pytest.approx(1.5 * 150 / 70)


def test_a_model_without_a_plan_says_so(service: Service) -> None:
    assert service.client.get("/v1/model").json()["serving_plan"] is None
    assert service.detected(services.photo(90))["serving_plan"] is None


def test_detections_and_metrics_name_the_plan(planned: Service) -> None:
    plan = planned.runtime.plan
    assert plan is not None
    found = planned.detected(services.photo(91))
    assert found["serving_plan"] == plan.name
    assert planned.detected(services.photo(91))["serving_plan"] == plan.name
    assert f'serving_plan="{plan.name}"' in planned.client.get("/metrics").text


def test_evidence_is_measured_in_as_many_processes_as_the_plan_says(
    served_model: Path, tmp_path: Path
) -> None:
    plan = plans.plan(served_model, ("evidence_workers=2", "batch_size=8"))
    followed = serving.Serving(plan)
    with services.running(served_model, tmp_path, serving=followed, workers=None) as running:
        assert running.runtime.engine.pool.size == 2


def is_model(process: psutil.Process) -> bool:
    line = process.cmdline()
    return "--service-name" in line and line[line.index("--service-name") + 1] == "model"


def test_the_real_service_follows_the_plan(served_model: Path, tmp_path: Path) -> None:
    plan = plans.plan(served_model, ("instances=2", "batch_size=4", "bf16"))
    file = tmp_path / "serving_plan.json"
    plan.save(file)
    named = {serving.PLAN_VARIABLE: str(file)}
    with servers.serving(served_model, tmp_path / "state", **named) as server:
        with server.client() as client:
            told = client.get("/v1/model")
            assert told.status_code == 200, told.text + server.log.read_text()[-3000:]
            assert told.json()["serving_plan"]["name"] == plan.name
            answer = client.post("/v1/detect", files={"file": ("a.jpg", services.photo(92))})
            assert answer.json()["serving_plan"] == plan.name
        models = [one for one in server.processes() if is_model(one)]
        assert len(models) == 2
