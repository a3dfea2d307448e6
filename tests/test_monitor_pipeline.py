"""The pipeline `monitor`, run for real over captures of the champion."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from assay import tracking
from assay.model_folder import MODEL_FILE
from assay.monitoring.numbers import ReferenceKind, WindowNumbers
from assay.prompts import PROMPT_VERSION
from assay.store import Store, StoreSettings
from assay.store.windows import Window
from benchmarks.synthetic_traffic import store_captures, window
from tests.pipeline_runs import launch

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
SMALL = {"reference": {"captures": 300}, "performance": {"resamples": 100}}
FACTS = {"family": "tiny", "prompt_version": PROMPT_VERSION, "seen_groups": [], "version": "7"}


@pytest.fixture(scope="module", autouse=True)
def state(tracked_state: Path) -> Path:
    """A model that has answered three days of traffic, of which the third is another.

    The monitor asks it nothing, so it is no more than its description.
    """
    (tracked_state / "model").mkdir()
    (tracked_state / "model" / MODEL_FILE).write_text(json.dumps(FACTS))
    rng = np.random.default_rng(0)
    with Store.open(StoreSettings.from_environment(), drain=False) as store:
        for day, changed in enumerate((0.0, 0.0, 0.4)):
            frame = window(300, rng, changed)
            store_captures(store, frame, "7", BEGIN + day * DAY, timedelta(minutes=1))
    return tracked_state


def monitored(state: Path, until: datetime) -> PipelineRunResponse:
    span = {"until": until.isoformat()}
    return launch(state, "monitor", {**SMALL, "model": str(state / "model"), "window": span})


@pytest.fixture(scope="module")
def calm(state: Path) -> PipelineRunResponse:
    return monitored(state, BEGIN + 2 * DAY)


@pytest.fixture(scope="module")
def changed(calm: PipelineRunResponse, state: Path) -> PipelineRunResponse:
    return monitored(state, BEGIN + 3 * DAY)


def results(done: PipelineRunResponse) -> dict[str, Any]:
    return {
        name: artifact.load()
        for step in done.steps.values()
        for name, (artifact,) in step.outputs.items()
    }


def windows() -> list[Window]:
    with Store.open(StoreSettings.from_environment(), drain=False) as store:
        return list(store.windows.newest(limit=9))[::-1]


def test_calm_window_moves_nothing_and_asks_for_nothing(calm: PipelineRunResponse):
    found = results(calm)
    numbers: WindowNumbers = found["window"]
    assert (numbers.captures, numbers.drifted, numbers.is_enough) == (300, (), True)
    assert numbers.reference.kind is ReferenceKind.FIRST_CAPTURES
    assert found["retrain_decision"].action == "none"


def test_next_window_begins_where_the_last_ended_and_shows_the_change(
    calm: PipelineRunResponse, changed: PipelineRunResponse
):
    numbers: WindowNumbers = results(changed)["window"]
    assert numbers.since == BEGIN + 2 * DAY
    assert {"d_jpeg_quality", "d_width"} <= {column.name for column in numbers.drifted}
    assert results(changed)["retrain_decision"].action == "none"  # two windows have to agree


def test_windows_are_on_record_with_their_pages(changed: PipelineRunResponse):
    recorded = windows()
    assert [one.numbers.until for one in recorded] == [BEGIN + 2 * DAY, BEGIN + 3 * DAY]
    newest = recorded[-1]
    assert newest.numbers == results(changed)["window"]
    assert newest.action == "none"
    with Store.open(StoreSettings.from_environment(), drain=False) as store:
        report, trend = (store.windows.page(newest.id, name) for name in ("report", "trend"))
        assert "descriptor: jpeg_quality" in report
        assert "2026-03-04 00:00 UTC" in trend
        assert "Drift in column" in store.windows.page(newest.id, "evidently")


def test_window_is_a_run_on_mlflow(changed: PipelineRunResponse):
    store = tracking.client()
    (found,) = store.search_runs([tracking.experiment_id()], f"tags.zenml_run = '{changed.name}'")
    assert (found.data.tags["stage"], found.data.tags["action"]) == ("monitor", "none")
    assert found.data.metrics["drift"] == results(changed)["window"].drifted[0].effect
    pages = {file.path for file in store.list_artifacts(found.info.run_id, "reports")}
    assert pages == {f"reports/{name}.html" for name in ("report", "trend", "evidently")}


def test_no_artifact_holds_captures(changed: PipelineRunResponse):
    assert results(changed).keys() == {
        "model", "span", "drift", "evidently", "window", "retrain_decision",
        "monitor_report", "trend",
    }  # fmt: skip
