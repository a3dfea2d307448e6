"""`optimize`, run for real and small: the plan stands beside the model, on MLflow and in ZenML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import model_registry, serving_plan, tracking
from assay.errors import NoChampion, PlanMismatch
from assay.fingerprints import content_hash
from assay.serving_plan import ServingPlan
from tests.pipeline_runs import DATA, environment, latest, launch
from tests.serving_plans import plan

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]

OPTIMISE = {
    "strategies": ["batch_size=4", "flash_attention"],
    "images_per_class": 2,
    "rounds": 1,
    "alone": 2,
    "explained": 1,
    "end_to_end": 2,
    "batch_sizes": [1],
}


@pytest.fixture(scope="module", autouse=True)
def state(trained_state: Path) -> Iterator[Path]:
    """The state folder of a first training, whose model is the champion."""
    with environment(trained_state):
        yield trained_state


@pytest.fixture(scope="module")
def made(state: Path) -> tuple[ServingPlan, str]:
    """A plan, and what the terminal showed."""
    with pytest.MonkeyPatch.context() as patch:
        shown: list[str] = []
        from assay.reports import terminal

        really = terminal.serving_plan
        patch.setitem(
            terminal._ALONE,
            "serving_plan",
            lambda given: (shown.append(given.name), really(given))[1],
        )
        done = launch(state, "optimize", {"data": DATA, "optimise": OPTIMISE})
    return done.steps["measure_strategies"].outputs["serving_plan"][0].load(), shown[0]


def test_plan_is_attached_to_its_version(made: tuple[ServingPlan, str]):
    written, shown = made
    model = model_registry.fetch("1")
    path = model_registry.fetch_plan("1")
    assert shown == written.name
    assert path is not None
    assert serving_plan.read(path, content_hash(model)) == (written, "")
    assert written.model_version == "1"
    assert model_registry.find(model) == "1"


def test_trials_are_runs_below_one(made: tuple[ServingPlan, str]):
    written, _ = made
    runs = tracking.client().search_runs([tracking.experiment_id()])
    parent = next(run for run in runs if run.data.tags.get("stage") == "serving")
    below = {
        run.info.run_name: run
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    assert {"fp32", "batch_size=4", "flash_attention"} <= set(below)
    assert below["fp32"].data.metrics["ratios.throughput"] == 1
    assert below["flash_attention"].info.status == "FAILED"
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["serving_plan"] == written.name


def test_page_shows_what_was_tried_and_what_could_not_be(made: tuple[ServingPlan, str]):
    (page,) = latest().steps["write_serving_plan"].outputs["serving_plan_report"]
    html = page.load().html
    assert made[0].name in html
    assert "flash_attention" in html
    assert page.visualizations


def test_plan_of_another_model_is_not_attached(made: tuple[ServingPlan, str]):
    with pytest.raises(PlanMismatch, match="made for model"):
        model_registry.attach_plan("1", plan())


def test_version_without_a_plan_has_none_and_an_unknown_one_is_an_error(
    made: tuple[ServingPlan, str],
):
    with pytest.raises(NoChampion, match="77"):
        model_registry.fetch_plan("77")


def test_second_plan_replaces_the_first(made: tuple[ServingPlan, str]):
    changed = made[0].model_copy(update={"seconds": 1.0})
    model_registry.attach_plan("1", changed)
    path = model_registry.fetch_plan("1")
    assert path is not None
    assert ServingPlan.load(path).name == changed.name != made[0].name
