"""The closing page: what it says is what the run came to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.dataset import Dataset
from assay.evaluation import Evaluation, Slice
from assay.home import REPOSITORY
from assay.images import Variant
from assay.metrics import METRICS, Metric
from assay.promotion import PromotionDecision
from assay.records import BASIC_SPLITS
from assay.reports import interval, summary
from assay.reports.summary import Facts
from assay.reports.terminal import Stage
from tests.datasets import stored
from tests.scenes import sample

HOSTILE = "<script>alert(1)</script>"
AUC, ALONE = Metric(0.613, 0.564, 0.654, 1374), Metric(0.523, 0.505, 0.544, 1374)
WHOLE = Slice(
    Variant.BIAS_CONTROLLED, "all", "all", 1374, 687, 6, dict.fromkeys(METRICS, AUC), ALONE
)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return stored(tmp_path, [sample(n, split=split) for n, split in enumerate(BASIC_SPLITS)])


def page(dataset: Dataset, **fields: object) -> str:
    known = {
        "run": "train-1",
        "commit": "abc123-dirty",
        "dataset": dataset,
        "stages": [Stage("build_dataset", "cached", 0.04), Stage("train_adapter", "ran", 61.5)],
        "evaluation": Evaluation(0.5, (WHOLE,)),
        "decision": PromotionDecision(False, ("too close", "too few"), None),
        "model_version": "7",
        "mlflow_run": "f00",
        "handed_to_people": 0.75,
    }
    return summary.page(Facts(**{**known, **fields})).html  # type: ignore[arg-type]


def test_page_says_what_the_run_was_and_came_to(dataset: Dataset) -> None:
    html = page(dataset)
    told = (
        "75 %",
        "train-1",
        "abc123-dirty",
        "assay 7",
        "not promoted",
        "too close",
        "too few",
        "f00",
    )
    assert [word for word in told if word not in html] == []
    assert interval(AUC) in html
    assert interval(ALONE) in html


def test_page_lists_stages_with_state_and_seconds(dataset: Dataset) -> None:
    html = page(dataset)
    assert '<tr><td>train_adapter</td><td>ran</td><td class="number">61.5</td></tr>' in html
    assert "62 s in all" in html


def test_page_names_artifacts_that_steps_make(dataset: Dataset) -> None:
    steps = "".join(file.read_text() for file in (REPOSITORY / "steps").glob("*.py"))
    next_places = page(dataset).split("artifact on ZenML")[1]
    rows = re.findall(r"<tr><td>[^<]*</td><td>(\w+)</td><td>", next_places)
    assert len(rows) == 8
    assert [name for name in rows if f', "{name}"]' not in steps] == []


def test_page_shows_addresses_as_text_because_dashboards_stop_links(dataset: Dataset) -> None:
    html = page(dataset, links={"The run": "http://127.0.0.1:1/a?b=1&c=2"})
    assert "<td>http://127.0.0.1:1/a?b=1&amp;c=2</td>" in html
    assert "<a " not in html
    assert "to be copied" not in page(dataset)


def test_page_escapes_names(dataset: Dataset) -> None:
    decision = PromotionDecision(True, (HOSTILE,), None)
    html = page(dataset, run=HOSTILE, decision=decision, links={HOSTILE: HOSTILE})
    assert "<script" not in html
    assert "promoted to champion" in html


def test_page_renders_without_any_slice(dataset: Dataset) -> None:
    html = page(dataset, evaluation=Evaluation(0.5, ()), stages=[], commit="")
    assert "no git" in html
