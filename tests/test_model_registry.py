"""Tracked runs and registered versions, on a real MLflow store in a temporary state folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import home, model_registry, tracking
from assay.errors import NoChampion
from assay.model_registry import Alias


@pytest.fixture(scope="module", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for the module: MLflow takes seconds to create its tables."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("ASSAY_HOME", str(folder))
        for name, value in home.environment().items():
            patch.setenv(name, value)
        home.prepare_environment()
        yield folder


@pytest.fixture(scope="module")
def run_id(state: Path) -> str:
    with tracking.run("first", {"data.seed": "0"}, {"dataset_version": "d1"}) as run:
        tracking.log_metrics(run, 1, {"loss": 0.5})
        tracking.log_metrics(run, 2, {"loss": 0.25})
    return run


def bundle(folder: Path, weights: bytes) -> Path:
    (folder / "base").mkdir(parents=True)
    (folder / "assay_model.json").write_text("{}")
    (folder / "base" / "model.safetensors").write_bytes(weights)
    return folder


def test_run_keeps_parameters_tags_and_every_step(run_id: str):
    run = tracking.client().get_run(run_id)
    history = tracking.client().get_metric_history(run_id, "loss")
    assert run.data.params == {"data.seed": "0"}
    assert run.data.tags["dataset_version"] == "d1"
    assert [(m.step, m.value) for m in history] == [(1, 0.5), (2, 0.25)]
    assert run.info.status == "FINISHED"


def test_run_keeps_its_artifacts_in_the_state(run_id: str, state: Path):
    assert str(state / "mlflow") in tracking.client().get_run(run_id).info.artifact_uri


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (ValueError, "FAILED")]
)
def test_run_that_ends_early_says_how(error: type[BaseException], status: str):
    with pytest.raises(error), tracking.run("early", {}, {}) as run:
        raise error
    assert tracking.client().get_run(run).info.status == status


def test_run_of_a_killed_process_is_closed_as_failed():
    script = (
        "import os, signal\nfrom assay import tracking\n"
        "with tracking.run('orphan', {}, {}): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=home.REPOSITORY)
    with tracking.run("alive", {}, {}) as alive:
        assert tracking.close_orphans() == ["orphan"]
        assert tracking.client().get_run(alive).info.status == "RUNNING"
    assert tracking.close_orphans() == []


def test_closing_orphans_makes_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    assert tracking.close_orphans() == []
    assert not database.exists()


def test_register_gives_equal_content_one_version(run_id: str, tmp_path: Path):
    first = model_registry.register(bundle(tmp_path / "a", b"one"), run_id)
    assert model_registry.register(bundle(tmp_path / "b", b"one"), run_id) == first
    assert model_registry.register(bundle(tmp_path / "c", b"two"), run_id) != first


def test_fetch_returns_what_the_alias_points_at(run_id: str, tmp_path: Path):
    old = model_registry.register(bundle(tmp_path / "old", b"old"), run_id)
    new = model_registry.register(bundle(tmp_path / "new", b"new"), run_id)
    for version, weights in ((old, b"old"), (new, b"new")):
        model_registry.set_alias(Alias.CHAMPION, version)
        assert model_registry.version_of(Alias.CHAMPION) == version
        fetched = model_registry.fetch("champion")
        assert (fetched / "base" / "model.safetensors").read_bytes() == weights
        assert model_registry.fetch(version) == fetched


@pytest.mark.parametrize("name", ["nobody", "999"])
def test_fetch_of_an_unknown_name_says_how_to_make_one(name: str):
    with pytest.raises(NoChampion, match=r"python run\.py --pipeline train"):
        model_registry.fetch(name)


def test_existing_or_new_opens_a_run_where_the_store_knows_none(run_id: str):
    assert tracking.existing_or_new(run_id, "again") == run_id
    made = tracking.existing_or_new("0" * 32, "again")
    assert tracking.client().get_run(made).info.run_name == "again"
