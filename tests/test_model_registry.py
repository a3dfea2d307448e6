"""Tracked runs and registered versions, on a real MLflow store in a temporary state folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from assay import home, model_registry, prompts, tracking
from assay.errors import NoChampion
from assay.model_registry import Alias

pytestmark = pytest.mark.usefixtures("tracked_state")


@pytest.fixture(scope="module")
def run_id(tracked_state: Path) -> str:
    with tracking.run("first", {"data.seed": "0"}, {"dataset_version": "d1"}) as run:
        tracking.log_metrics(run, 1, {"loss": 0.5})
        tracking.log_metrics(run, 2, {"loss": 0.25})
    return run


def bundle(folder: Path, weights: bytes) -> Path:
    (folder / "base").mkdir(parents=True)
    (folder / "assay_model.json").write_text("{}")
    (folder / "base" / "model.safetensors").write_bytes(weights)
    return folder


def test_runs_of_one_name_each_say_which_dataset_they_use():
    store, experiment = tracking.client(), tracking.experiment_id()
    runs = [
        store.create_run(experiment, tags={"dataset_version": version}, run_name="trial")
        for version in ("one", "two")
    ]
    assert tracking.running_datasets() == {"one": "run trial", "two": "run trial"}
    for run in runs:
        store.set_terminated(run.info.run_id)


def test_run_keeps_parameters_tags_and_every_step(run_id: str):
    run = tracking.client().get_run(run_id)
    history = tracking.client().get_metric_history(run_id, "loss")
    assert run.data.params == {"data.seed": "0"}
    assert run.data.tags["dataset_version"] == "d1"
    assert [(m.step, m.value) for m in history] == [(1, 0.5), (2, 0.25)]
    assert run.info.status == "FINISHED"


def test_run_keeps_its_artifacts_in_the_state(run_id: str, tracked_state: Path):
    assert str(tracked_state / "mlflow") in tracking.client().get_run(run_id).info.artifact_uri


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


def test_registry_holds_versions_not_aliases(run_id: str, tmp_path: Path):
    version = model_registry.register(bundle(tmp_path / "a", b"held"), run_id)
    assert model_registry.holds(version)
    assert not model_registry.holds("9999")
    assert not model_registry.holds(Alias.CHAMPION)


def test_crowned_challenger_is_no_challenger_any_more(run_id: str, tmp_path: Path):
    crowned = model_registry.register(bundle(tmp_path / "crowned", b"crowned"), run_id)
    model_registry.set_alias(Alias.CHALLENGER, crowned)
    model_registry.crown(crowned)
    assert model_registry.version_of(Alias.CHAMPION) == crowned
    assert model_registry.version_of(Alias.CHALLENGER) is None


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


def made_by(run: str, folder: Path, weights: bytes) -> str:
    """The version that a new run called ``run`` registered."""
    with tracking.run(run, {}, {"dataset_version": "d2"}) as run_id:
        return model_registry.register(bundle(folder, weights), run_id)


def test_fetch_takes_a_run_by_its_name_or_id_and_gives_its_latest_version(tmp_path: Path):
    with tracking.run("train-20260101-000000-ab12", {}, {}) as run_id:
        for weights in (b"calibrated", b"calibrated anew"):
            model_registry.register(bundle(tmp_path / weights.decode(), weights), run_id)
    made_by("train-20260101-000000-cd34", tmp_path / "other", b"other")
    for name in ("train-20260101-000000-ab12", run_id):
        weights = model_registry.fetch(name) / "base" / "model.safetensors"
        assert weights.read_bytes() == b"calibrated anew"


def test_fetch_of_a_misspelt_run_names_the_nearest_and_what_there_is(tmp_path: Path):
    version = made_by("train-20260102-000000-ab12", tmp_path / "model", b"named")
    model_registry.set_alias(Alias.CHALLENGER, version)
    with pytest.raises(NoChampion) as caught:
        model_registry.fetch("train-20260102-000000-ab13")
    assert "did you mean 'train-20260102-000000-ab12'" in str(caught.value)
    assert f"{version} (run train-20260102-000000-ab12)" in str(caught.value)
    assert f"challenger is version {version}" in str(caught.value)


def test_alias_is_not_mistaken_for_a_run_of_its_name(tmp_path: Path, run_id: str):
    held = model_registry.register(bundle(tmp_path / "held", b"held"), run_id)
    model_registry.set_alias(Alias.CHAMPION, held)
    made_by("champion", tmp_path / "namesake", b"namesake")
    assert model_registry.version_of(Alias.CHAMPION) == held
    weights = model_registry.fetch("champion") / "base" / "model.safetensors"
    assert weights.read_bytes() == b"held"


def test_describe_says_where_a_version_comes_from(tmp_path: Path):
    folder = bundle(tmp_path / "model", b"described")
    facts = {"family": "f", "prompt_version": prompts.PROMPT_VERSION, "seen_groups": []}
    facts |= {"version": "ab12"}
    (folder / "assay_model.json").write_text(json.dumps({**facts, "dataset_version": "d9"}))
    unknown = model_registry.describe(folder)
    assert (unknown.name, unknown.dataset_version, unknown.version) == ("model ab12", "d9", "")
    with tracking.run("train-x", {}, {"dataset_version": "d9"}) as run:
        version = model_registry.register(folder, run)
    known = model_registry.describe(folder)
    assert (known.name, known.run, known.dataset_version) == (f"version {version}", "train-x", "d9")
    assert known.git_commit == tracking.git_commit()
    assert datetime.fromisoformat(known.registered_at).tzinfo is not None


def artifacts(state: Path, run: str) -> Path:
    return next((state / "mlflow" / "artifacts").glob(f"**/{run}/artifacts"))


@pytest.mark.parametrize("loss", ["run", "files"])
def test_model_whose_run_or_files_are_gone_is_registered_anew(
    tracked_state: Path, tmp_path: Path, loss: str
):
    model = bundle(tmp_path / "model", loss.encode())
    facts = {"family": "f", "prompt_version": prompts.PROMPT_VERSION, "seen_groups": []}
    (model / "assay_model.json").write_text(json.dumps(facts))
    with tracking.run("lost", {}, {"dataset_version": "d7"}) as lost:
        first = model_registry.register(model, lost)
    assert model_registry.find(model) == first
    if loss == "run":
        tracking.client().delete_run(lost)
    else:
        shutil.rmtree(artifacts(tracked_state, lost))
    assert model_registry.find(model) is None
    second = model_registry.register(model, tracking.existing_or_new(lost, "second", "d7"))
    assert second != first
    known = model_registry.describe(model)
    assert (known.version, known.dataset_version) == (second, "d7")
    assert model_registry.find(model) == second
    model_registry.document(second, "text", {"card.md": "text"}, {})


def test_version_without_its_files_is_named_with_the_remedy(tracked_state: Path, tmp_path: Path):
    with tracking.run("gone", {}, {}) as gone:
        version = model_registry.register(bundle(tmp_path / "model", b"gone"), gone)
    shutil.rmtree(artifacts(tracked_state, gone))
    with pytest.raises(NoChampion, match=f"files of version {version} cannot be fetched"):
        model_registry.fetch(version)


def test_deleted_experiment_is_restored(run_id: str):
    tracking.client().delete_experiment(tracking.experiment_id())
    with tracking.run("after", {}, {}) as after:
        assert tracking.is_active(after)


def test_existing_or_new_opens_a_run_where_the_store_knows_none(run_id: str):
    assert tracking.existing_or_new(run_id, "again", "d1") == run_id
    made = tracking.existing_or_new("0" * 32, "again", "d1")
    assert tracking.client().get_run(made).info.run_name == "again"
