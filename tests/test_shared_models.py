"""Registered models on object storage: other machines get the same bytes, and none that changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import (
    dataset_store,
    garbage,
    home,
    model_needs,
    model_registry,
    model_versions,
    tracking,
)
from assay.errors import NoChampion, StorageError
from assay.fingerprints import content_hash
from assay.model_folder import LABELLED, MODEL_FILE, RETRAINED
from assay.storage import Storage
from assay.store import Store, StoreSettings
from tests import s3
from tests.datasets import stored
from tests.scenes import sample

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore")


@pytest.fixture(scope="module")
def shared(tracked_state: Path) -> Iterator[str]:
    """A registry whose artifacts lie in a bucket; the database is that of the state."""
    with s3.running() as bucket, pytest.MonkeyPatch.context() as patch:
        patch.setenv(home.STORAGE_VARIABLE, bucket)
        patch.setattr(tracking, "EXPERIMENT", "shared")
        patch.setenv("MLFLOW_ARTIFACTS_DESTINATION", home.shared("mlflow"))
        yield bucket


@pytest.fixture
def elsewhere(shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of another machine, which asks the same registry."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


def registered(folder: Path, **facts: object) -> str:
    """A new version, whose description holds ``facts``."""
    (folder / "base").mkdir(parents=True)
    (folder / MODEL_FILE).write_text(json.dumps({"dataset_version": "d1", **facts}))
    (folder / "base" / "model.safetensors").write_bytes(str(folder).encode() * 1000)
    with tracking.run("shared", {}, {"dataset_version": "d1"}) as run:
        return model_registry.register(folder, run)


def test_another_machine_gets_the_same_bytes(elsewhere: Path, tmp_path: Path) -> None:
    version = registered(tmp_path / "model")
    model_registry.crown(version)
    fetched = model_registry.fetch("champion")
    assert fetched.parent == elsewhere / "models"
    assert content_hash(fetched) == content_hash(tmp_path / "model")


@pytest.mark.usefixtures("elsewhere")
def test_files_that_were_changed_are_not_used(shared: str, tmp_path: Path) -> None:
    version = registered(tmp_path / "model")
    place = Storage(shared)
    digest = content_hash(tmp_path / "model")[:12]
    (weights,) = (one.path for one in place.list("mlflow") if f"bundle-{digest}/base" in one.path)
    place.write(weights, b"others")
    with pytest.raises(NoChampion, match="are not those that were registered; put these back"):
        model_registry.fetch(version)
    place.remove(weights)
    with pytest.raises(NoChampion, match="are not those that were registered"):
        model_registry.fetch(version)


@pytest.mark.usefixtures("elsewhere")
def test_server_that_is_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = registered(tmp_path / "model")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    from mlflow.store.artifact import s3_artifact_repo

    s3_artifact_repo._cached_get_s3_client.cache_clear()
    with pytest.raises(NoChampion, match=r"cannot be fetched from s3://.*127\.0\.0\.1:9"):
        model_registry.fetch(version)
    s3_artifact_repo._cached_get_s3_client.cache_clear()


@pytest.mark.usefixtures("shared")
def test_what_models_say_of_their_datasets_is_needed(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {LABELLED: "d2", RETRAINED: {"model": "1", "dataset": "d3"}}
    version = registered(tmp_path / "model", **facts)
    needed = model_needs.datasets_needed()
    assert {needed["d2"], needed["d3"]} == {f"version {version}"}
    assert "d1" in needed
    with Store.open(StoreSettings(folder=elsewhere / "store"), drain=False) as store:
        store.lineage.record_model("parent", "d5")
        store.lineage.record_model("name", "d4", version=version, parent="parent")
        with tracking.run("running", {}, {"dataset_version": "d6"}):
            from datetime import timedelta

            found = garbage.rules(store, timedelta(days=30)).needed
    assert (found["d4"], found["d5"]) == (f"version {version}", f"version {version}")
    assert found["d6"] == "run running"


@pytest.mark.usefixtures("elsewhere")
def test_sweep_stops_where_a_model_cannot_say_what_it_needs(shared: str, tmp_path: Path) -> None:
    version = registered(tmp_path / "model")
    digest = content_hash(tmp_path / "model")[:12]
    for one in Storage(shared).list("mlflow"):
        if f"bundle-{digest}" in one.path:
            Storage(shared).remove(one.path)
    with pytest.raises(NoChampion, match=f"what version {version} needs is not known"):
        model_needs.datasets_needed()
    tracking.client().delete_model_version(model_versions.MODEL, version)


@pytest.mark.usefixtures("elsewhere")
def test_shared_dataset_belongs_to_its_registry(shared: str, tmp_path: Path) -> None:
    about = dataset_store.publish(stored(tmp_path / "one", [sample(1)]))
    assert about is not None
    assert about.owner == tracking.identity()
    assert len(about.owner) == 16


@pytest.mark.usefixtures("shared")
def test_registry_by_address_has_one_name_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for uri in ("postgresql://a:1@db/mlflow", "postgresql://b:2@db/mlflow", "http://mlflow:5000"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        names.append(tracking.identity())
    assert names[0] == names[1] != names[2]


def test_captured_images_follow_the_storage(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert StoreSettings.from_environment().images_url == f"{shared}/images"
    monkeypatch.setenv("ASSAY_IMAGES_URL", "s3://others")
    assert StoreSettings.from_environment().images_url == "s3://others"


@pytest.mark.usefixtures("shared")
def test_model_that_cannot_be_stored_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.artifact import s3_artifact_repo

    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3_artifact_repo._cached_get_s3_client.cache_clear()
    with pytest.raises(StorageError, match=r"the model cannot be stored in s3://.*127\.0\.0\.1:9"):
        registered(tmp_path / "model")
    s3_artifact_repo._cached_get_s3_client.cache_clear()
