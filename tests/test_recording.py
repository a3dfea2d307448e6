"""A tiny training followed on a real MLflow store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow.entities import Run

from assay import hardware, images, recording, tracking, training
from assay.dataset import Dataset
from assay.progress import silent
from assay.recording import ANSWERS, Stage
from assay.records import Split
from tests.training_runs import BASE, dataset_and_measurements


class Followed:
    """A warm-up that was followed, and the run of the adapter that came after it."""

    def __init__(self, path: Path) -> None:
        self.dataset, measurements = dataset_and_measurements(path / "data")
        made_of = self.dataset, measurements, BASE, path / "work", silent
        opened = recording.training_run(Stage.WARM_UP, "train-1", {"a.b": "1"}, self.dataset)
        with opened as recorder:
            training.warm_up_base(*made_of, recorder.metrics, recorder.answers)
        self.warm_up: Run = tracking.client().get_run(recorder.run_id)
        with recording.training_run(Stage.ADAPTER, "train-1", {}, self.dataset) as later:
            recording.link_warm_up(later.run_id, recorder.run_id)
        self.adapter: Run = tracking.client().get_run(later.run_id)


@pytest.fixture(scope="module")
def followed(tracked_state: Path) -> Followed:
    return Followed(tracked_state)


def test_runs_say_what_they_are_and_what_they_were_made_on(followed: Followed) -> None:
    warm_up, adapter = followed.warm_up, followed.adapter
    assert (warm_up.info.run_name, adapter.info.run_name) == ("train-1-warm-up", "train-1")
    assert warm_up.data.tags["stage"] == "warm_up"
    for run in (warm_up, adapter):
        assert run.data.tags["zenml_run"] == "train-1"
        assert run.data.tags["dataset_version"] == followed.dataset.version
        assert run.data.tags["hardware"] == hardware.summary()
        assert {"git_commit", "process"} <= run.data.tags.keys()


def test_the_adapter_names_its_warm_up_and_how_long_it_took(followed: Followed) -> None:
    assert followed.adapter.data.tags["warm_up_run"] == followed.warm_up.info.run_id
    seconds = followed.warm_up.data.metrics["train/seconds"]
    assert followed.adapter.data.metrics["warm_up/seconds"] == seconds > 0


def test_a_warm_up_of_another_store_is_named_all_the_same(followed: Followed) -> None:
    with tracking.run("elsewhere", {}, {}) as run_id:
        recording.link_warm_up(run_id, "0" * 32)
    assert tracking.client().get_run(run_id).data.tags["warm_up_run"] == "0" * 32


def test_curves_are_live_and_sane(followed: Followed) -> None:
    run_id, store = followed.warm_up.info.run_id, tracking.client()
    eta = store.get_metric_history(run_id, "train/eta_seconds")
    assert [metric.step for metric in eta] == [1, 2, 3, 4]
    assert eta[0].value > 0 == eta[-1].value
    speeds = store.get_metric_history(run_id, "train/images_per_second")
    assert all(0 < metric.value < 10_000 for metric in speeds)
    assert len(store.get_metric_history(run_id, "validation/auc")) == 2


def test_answers_to_the_same_images_are_added_by_each_evaluation(followed: Followed) -> None:
    run_id, store = followed.warm_up.info.run_id, tracking.client()
    table = store.load_table(followed.warm_up.info.experiment_id, ANSWERS, [run_id])
    assert sorted(table["step"]) == [2] * 6 + [4] * 6
    assert table.groupby("sample")["image_id"].nunique().eq(1).all()
    assert table["answer"].str.len().gt(0).all()
    history = store.get_metric_history(run_id, "validation_scores/1-authentic")
    shown = table[table["sample"] == "1-authentic"]["score"]
    assert [m.value for m in history] == pytest.approx(list(shown), abs=1e-4)


def test_every_answer_stands_beside_a_picture(followed: Followed, tmp_path: Path) -> None:
    run = followed.warm_up.info
    table = tracking.client().load_table(run.experiment_id, ANSWERS, [run.run_id])
    for cell in table["thumbnail"]:
        path = tracking.client().download_artifacts(run.run_id, cell["filepath"], str(tmp_path))
        assert max(images.decode(Path(path).read_bytes()).size) <= 96


def test_the_dataset_is_among_the_datasets_of_the_run(followed: Followed) -> None:
    (used,) = followed.warm_up.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("scenes", followed.dataset.version)
    assert [tag.value for tag in used.tags] == ["training"]
    profile = json.loads(used.dataset.profile)
    assert profile["rows"] == 24
    assert profile["validation"] == "2 authentic, 2 manipulated, 2 synthesized"
    assert sum(name.startswith("licence") for name in profile) > 0


def test_one_split_of_a_dataset_is_a_use_of_its_own(followed: Followed) -> None:
    dataset = Dataset(followed.dataset.path)
    use = recording.dataset_use(dataset, "evaluation", Split.TEST)
    assert use.name == "scenes/test"
    assert use.profile["rows"] == 6
    assert "train" not in use.profile
