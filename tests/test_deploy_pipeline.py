"""The pipeline `deploy`, run for real where nothing serves: what is to answer is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import run
from assay import __main__ as command
from assay import release as releases
from assay.processes import user
from assay.rollout.local import LocalTarget
from assay.store import Store, StoreSettings
from assay.store.deployments import State
from assay.store.standing import Standing
from tests.pipeline_runs import environment, latest, launch

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


@pytest.fixture(scope="module", autouse=True)
def state(trained_state: Path) -> Iterator[Path]:
    """A state folder in which a model was promoted."""
    with environment(trained_state):
        yield trained_state


@pytest.fixture(scope="module")
def deployed(state: Path) -> PipelineRunResponse:
    """The first deployment, of the champion."""
    return launch(state, "deploy", {"rollout": {"strategy": "canary"}})


def standing(done: PipelineRunResponse) -> Standing:
    found = [
        artifact.load()
        for step in done.steps.values()
        for name, (artifact,) in step.outputs.items()
        if name == "deployment"
    ]
    assert len(found) == 1
    return found[0]


def test_champion_is_built_proven_and_recorded(deployed: PipelineRunResponse):
    assert list(deployed.steps) == ["fetch_model", "build_release", "deploy_release"]
    found = standing(deployed)
    (release,) = releases.releases()
    assert (found.answers, found.is_serving, found.target) == (release.name, False, "local")
    assert found.deployment is not None
    assert (found.deployment.state, found.deployment.who) == (State.ACTIVE, user())
    subject = found.deployment.subject
    assert (subject.model_version, subject.model_content) == ("1", release.model_content)
    assert subject.run.startswith("train-")
    assert subject.dataset_version == release.dataset_version != ""


def test_page_shows_the_proof_and_where_it_comes_from(deployed: PipelineRunResponse):
    (page,) = deployed.steps["deploy_release"].outputs["deployment_report"]
    html = page.load().html
    release = releases.releases()[0]
    for part in ("Active:", release.name, release.run, release.dataset_version, "passed", "ready"):
        assert part in html
    assert page.visualizations


def test_what_is_active_is_left_alone(
    deployed: PipelineRunResponse, state: Path, capsys: pytest.CaptureFixture[str]
):
    again = standing(launch(state, "deploy", {}))
    printed = capsys.readouterr().out
    assert "is active already; nothing was done" in printed
    assert "is what `make serve` will serve" in printed
    assert again.deployment == standing(deployed).deployment


def test_status_asks_only(deployed: PipelineRunResponse, state: Path):
    asked = launch(state, "deploy", {"action": "status"})
    assert list(asked.steps) == ["show_deployment"]
    assert standing(asked).deployment == standing(deployed).deployment


def test_rollback_restores_what_was_before_without_a_build(
    deployed: PipelineRunResponse, state: Path
):
    back = launch(state, "deploy", {"action": "rollback"})
    assert list(back.steps) == ["roll_back"]
    found = standing(back)
    assert found.answers is None
    assert found.deployment is not None
    assert found.deployment.action == "rollback"
    seconds = found.deployment.activated_at - found.deployment.started_at
    assert seconds.total_seconds() < 5
    with Store.open(StoreSettings.from_environment(), drain=False) as store:
        taken_back = store.deployments.get(standing(deployed).deployment.id)
    assert taken_back.state is State.ROLLED_BACK


def test_refused_release_is_a_value_that_fails_the_command(
    deployed: PipelineRunResponse, state: Path, capsys: pytest.CaptureFixture[str]
):
    if LocalTarget().active() is not None:  # what is active is not proven again
        launch(state, "deploy", {"action": "rollback"})
    assert tell(state, {"proof": {"ready": 0.001}}) == run.FAILED
    printed = capsys.readouterr().out
    assert "refused after" in printed
    assert "  - ready: it is not ready" in printed
    assert str(latest().status) == "completed"
    assert standing(latest()).fell_through


@pytest.mark.parametrize("strategy", ["shadow", "shadow_canary"])
def test_shadow_elsewhere_is_refused_before_anything_begins(
    strategy: str, state: Path, capsys: pytest.CaptureFixture[str]
):
    told = {"target": "kubernetes", "rollout": {"strategy": strategy}}
    assert tell(state, told) == run.WRONG_SETTING
    assert "so there is no shadow; use canary" in capsys.readouterr().err


def test_error_of_a_target_is_one_line_and_on_record(
    deployed: PipelineRunResponse,
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PATH", "/nowhere")
    assert tell(state, {"target": "compose", "action": "rollback"}) == run.FAILED
    error = capsys.readouterr().err
    assert "stage roll_back failed: docker is not on PATH" in error
    assert error.count("\n") == 1


def test_deployments_are_listed(deployed: PipelineRunResponse, capsys: pytest.CaptureFixture[str]):
    assert command.main(["deployments", "list", "--target", "local"]) == 0
    assert standing(deployed).deployment.id in capsys.readouterr().out


def tell(folder: Path, parameters: dict[str, Any]) -> int:
    """Run the pipeline; its exit status."""
    import yaml

    (folder / "config.yaml").write_text(yaml.safe_dump({"parameters": parameters}))
    return run.main(["--pipeline", "deploy", "--config", str(folder / "config.yaml")])
