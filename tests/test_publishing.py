"""Reports and predictions beside a registered model, on a real MLflow store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from assay import model_registry, tracking
from assay.dataset import Dataset
from assay.images import Variant
from assay.publishing import PREDICTIONS, predictions_table, publish
from assay.records import Label, Sample, Split
from assay.reports.page import Page
from tests.datasets import stored
from tests.training_runs import samples

PAGES = {"evaluation": Page("Evaluation", "<h1>right</h1>"), "dataset": Page("Data", "<p>x</p>")}


pytestmark = pytest.mark.usefixtures("tracked_state")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return stored(tmp_path_factory.mktemp("data") / "set", samples())


def registered(folder: Path) -> tuple[str, str]:
    """A version and its run."""
    folder.mkdir()
    (folder / "assay_model.json").write_text(folder.name)
    with tracking.run(folder.name, {}, {}) as run_id:
        return model_registry.register(folder, run_id), run_id


def predicted(offset: float = 0.0) -> pd.DataFrame:
    test = [s for s in samples() if s.split is Split.TEST]
    return pd.DataFrame([_row(s, kind, offset) for kind in Variant for s in test])


def _row(sample: Sample, kind: Variant, offset: float) -> dict[str, object]:
    return {
        "image_id": sample.image_id,
        "variant": kind.value,
        "label": sample.label.value,
        "manipulation": sample.manipulation,
        "dataset": "scenes",
        "group": sample.group,
        "seen": False,
        "predicted": Label.MANIPULATED.value,
        "needs_review": sample.label is Label.AUTHENTIC,
        "p_authentic": (0.25 if kind is Variant.AS_IS else 0.5) + offset,
    }


def artifacts(run_id: str, folder: str | None = None) -> set[str]:
    return {file.path for file in tracking.client().list_artifacts(run_id, folder)}


def test_pages_and_predictions_stand_with_the_run_of_the_version(
    dataset: Dataset, tmp_path: Path
) -> None:
    version, run_id = registered(tmp_path / "model")
    uploaded = publish(version, PAGES, predicted(), dataset)
    assert tracking.client().get_run(run_id).data.tags["model_version"] == version
    assert set(uploaded) == {"reports/evaluation.html", "reports/dataset.html", PREDICTIONS}
    assert artifacts(run_id, "reports") == {"reports/evaluation.html", "reports/dataset.html"}
    path = tracking.client().download_artifacts(run_id, "reports/evaluation.html", str(tmp_path))
    assert Path(path).read_text() == PAGES["evaluation"].html


def test_only_what_changed_is_uploaded_again(dataset: Dataset, tmp_path: Path) -> None:
    version, _ = registered(tmp_path / "again")
    publish(version, PAGES, predicted(), dataset)
    assert publish(version, PAGES, predicted(), dataset) == []
    other = PAGES | {"dataset": Page("Data", "<p>y</p>")}
    assert publish(version, other, predicted(), dataset) == ["reports/dataset.html"]
    assert publish(version, other, predicted(0.01), dataset) == [PREDICTIONS]


def test_what_somebody_removed_is_uploaded_again(
    dataset: Dataset, tmp_path: Path, tracked_state: Path
) -> None:
    version, run_id = registered(tmp_path / "removed")
    publish(version, PAGES, predicted(), dataset)
    folder = next((tracked_state / "mlflow" / "artifacts").glob(f"**/{run_id}/artifacts"))
    (folder / "reports" / "dataset.html").unlink()
    assert publish(version, PAGES, predicted(), dataset) == ["reports/dataset.html"]
    (folder / PREDICTIONS).unlink()
    assert publish(version, PAGES, predicted(), dataset) == [PREDICTIONS]


def test_predictions_are_a_table_with_pictures(dataset: Dataset, tmp_path: Path) -> None:
    version, run_id = registered(tmp_path / "pictures")
    publish(version, {}, predicted(), dataset)
    run = tracking.client().get_run(run_id)
    table = tracking.client().load_table(run.info.experiment_id, PREDICTIONS, [run_id])
    assert len(table) == 6
    assert {cell["type"] for cell in table["thumbnail"]} == {"image"}
    stored_pictures = artifacts(run_id, "table_images/predictions")
    assert {cell["compressed_filepath"] for cell in table["thumbnail"]} == stored_pictures
    assert f'"{PREDICTIONS}"' in run.data.tags["mlflow.loggedArtifacts"]


def test_the_test_split_is_among_the_datasets_of_the_run(dataset: Dataset, tmp_path: Path) -> None:
    version, run_id = registered(tmp_path / "used")
    publish(version, {}, predicted(), dataset)
    (used,) = tracking.client().get_run(run_id).inputs.dataset_inputs
    assert used.dataset.name == "scenes/test"
    assert used.tags[0].value == "evaluation"


def test_a_row_holds_both_scores_and_whether_the_verdict_is_right() -> None:
    table = predictions_table(predicted()).set_index("image_id")
    test = [s for s in samples() if s.split is Split.TEST]
    assert list(table.index) == [s.image_id for s in test]
    assert set(table["score_as_is"]) == {0.75}
    assert set(table["score_bias_controlled"]) == {0.5}
    assert list(table["correct"]) == [s.label is Label.MANIPULATED for s in test]
    assert list(table["needs_review"]) == [s.label is Label.AUTHENTIC for s in test]
