"""A dataset as ZenML keeps it: links in a local store, the version alone in a remote one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import home
from assay.dataset import Dataset
from tests.datasets import stored
from tests.pipeline_runs import DATA, environment, launch
from tests.scenes import sample

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


@pytest.fixture(scope="module", autouse=True)
def state(trained_state: Path) -> Iterator[Path]:
    with environment(trained_state):
        yield trained_state


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The artifact store counts as one of another machine, and there is a shared storage."""
    from zenml.artifact_stores import LocalArtifactStoreConfig

    monkeypatch.setattr(LocalArtifactStoreConfig, "is_local", False)
    monkeypatch.setenv(home.STORAGE_VARIABLE, str(tmp_path / "shared"))


def kept(dataset: Dataset, folder: Path) -> Dataset:
    """``dataset``, stored in ``folder`` by its materializer and opened again."""
    from zenml.client import Client

    from materializers.dataset import DatasetMaterializer

    folder.mkdir(parents=True)
    materializer = DatasetMaterializer(str(folder), Client().active_stack.artifact_store)
    materializer.save(dataset)
    return materializer.load(Dataset)


def test_local_store_shares_the_bytes_on_disk(state: Path, tmp_path: Path) -> None:
    from zenml.client import Client

    dataset = stored(tmp_path / "one", [sample(1)])
    root = Path(Client().active_stack.artifact_store.path)
    again = kept(dataset, root / "tests" / "local")
    assert (again.path / "0.parquet").stat().st_ino == (dataset.path / "0.parquet").stat().st_ino


@pytest.mark.usefixtures("remote")
def test_remote_store_keeps_the_version_of_what_is_shared(state: Path, tmp_path: Path) -> None:
    from zenml.client import Client

    dataset = stored(tmp_path / "one", [sample(1), sample(2)])
    folder = Path(Client().active_stack.artifact_store.path) / "tests" / "remote"
    again = kept(dataset, folder)
    assert again.table().equals(dataset.table())
    assert again.path == state / "datasets" / "test"
    assert [(file.name, file.stat().st_size) for file in folder.iterdir()] == [("version.txt", 4)]
    shutil.rmtree(again.path)  # the trained state holds no such dataset


@pytest.mark.usefixtures("remote")
def test_cached_run_finds_the_dataset_that_it_only_names(state: Path, tmp_path: Path) -> None:
    parameters = {"data": {**DATA, "limit": 18}, "validation": {"workers": 1}}
    launch(tmp_path, "data_validation", parameters)
    for folder in (state / "datasets").iterdir():
        if folder.is_dir() and (folder / "dataset.json").stat().st_nlink == 1:
            shutil.rmtree(folder)  # what only names hold: as on another machine
    again = launch(tmp_path, "data_validation", parameters)
    assert str(again.steps["build_dataset"].status) == "cached"
    (artifact,) = again.steps["build_dataset"].outputs["dataset"]
    assert len(artifact.load().table()) == artifact.run_metadata["rows"]
    assert artifact.visualizations
