"""Datasets that machines share: published once, fetched whole and verified, never half there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import catalogue, conflicts, dataset_store, home
from assay.dataset import MANIFEST, Dataset
from assay.dataset_store import PENDING, SWEEP
from assay.errors import StorageError
from assay.storage import BLOBS, Storage, blob_path
from tests import s3
from tests.conflicting import built
from tests.datasets import stored
from tests.scenes import sample


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3.running() as url:
        yield url


@pytest.fixture(params=["folder", "s3"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Storage:
    """An empty storage, which ASSAY_STORAGE_URL names."""
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    is_folder = request.param == "folder"
    url = str(tmp_path / "shared") if is_folder else f"{request.getfixturevalue('bucket')}/{name}"
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    monkeypatch.setenv(home.STORAGE_VARIABLE, url)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = dataset_store.storage()
    assert found is not None
    return found


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return stored(tmp_path / "here" / "one", [sample(1), sample(2)])


def test_dataset_is_opened_by_version_on_another_machine(
    place: Storage, dataset: Dataset, tmp_path: Path
) -> None:
    dataset_store.publish(dataset)
    there = catalogue.resolve("test", tmp_path / "there")
    assert there.path == tmp_path / "there" / "test"
    assert there.table().equals(dataset.table())
    assert list(there.samples()) == list(dataset.samples())
    assert not list(place.list(PENDING))


def test_conflicts_of_a_dataset_go_with_it(place: Storage, tmp_path: Path) -> None:
    dataset = built(tmp_path)
    dataset_store.publish(dataset)
    there = catalogue.resolve(dataset.version, tmp_path / "there")
    assert len(conflicts.of(there)) == 2
    assert conflicts.of(there) == conflicts.of(dataset)


def test_listing_says_where_datasets_lie(place: Storage, dataset: Dataset, tmp_path: Path) -> None:
    assert [entry.place for entry in catalogue.entries(tmp_path / "here")] == ["here"]
    dataset_store.publish(dataset)
    assert [entry.place for entry in catalogue.entries(tmp_path / "here")] == ["here, shared"]
    (entry,) = catalogue.entries(tmp_path / "there", {"test": ["v1"]})
    assert (entry.place, entry.rows, entry.models) == ("shared", 2, ("v1",))


def test_dataset_that_is_published_again_is_not_sent_again(
    place: Storage, dataset: Dataset
) -> None:
    dataset_store.publish(dataset)
    before = {one.path: one.modified for one in place.list(BLOBS)}
    dataset_store.publish(dataset)
    assert {one.path: one.modified for one in place.list(BLOBS)} == before


@pytest.mark.parametrize("damage", [b"", b"PAR1"])
def test_shard_that_was_cut_short_is_not_believed(
    place: Storage, dataset: Dataset, tmp_path: Path, damage: bytes
) -> None:
    about = dataset_store.publish(dataset)
    assert about is not None
    place.write(blob_path(about.parts[0].digest), damage)
    with pytest.raises(StorageError, match=f"{about.parts[0].digest} is damaged; remove"):
        catalogue.resolve("test", tmp_path / "there")
    assert not (tmp_path / "there" / "test" / MANIFEST).exists()


def test_fetch_goes_on_where_it_stopped(place: Storage, dataset: Dataset, tmp_path: Path) -> None:
    about = dataset_store.publish(dataset)
    assert about is not None
    part = about.parts[0]
    (tmp_path / "there" / "test").mkdir(parents=True)
    place.get_file(part.digest, tmp_path / "there" / "test" / part.name)
    kept = (tmp_path / "there" / "test" / part.name).stat().st_ino
    there = dataset_store.fetch(place, "test", tmp_path / "there")
    assert (there.path / part.name).stat().st_ino == kept


def test_manifest_that_leads_out_of_the_folder_is_refused(
    place: Storage, dataset: Dataset, tmp_path: Path
) -> None:
    about = dataset_store.publish(dataset)
    assert about is not None
    path = dataset_store.manifest_path("test")
    place.write(path, place.read(path).replace(about.parts[0].name.encode(), b"../../evil"))
    with pytest.raises(StorageError, match=r"test\.json in .* describes no dataset; remove it"):
        dataset_store.fetch(place, "test", tmp_path / "there")


def test_nothing_is_published_where_nothing_is_shared(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(home.STORAGE_VARIABLE, raising=False)
    assert dataset_store.publish(dataset) is None


def test_publisher_that_is_killed_leaves_no_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = stored(tmp_path / "here" / "one", [sample(1)])
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    monkeypatch.setenv(home.STORAGE_VARIABLE, str(tmp_path / "shared"))
    script = """
        import os, signal, sys
        from assay import dataset_store
        from assay.dataset import Dataset
        from pathlib import Path
        kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        dataset_store.publish(Dataset(Path(sys.argv[1])), kill)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(dataset.path)]
    assert subprocess.run(command, check=False, env=dict(os.environ)).returncode == -9
    place = dataset_store.storage()
    assert place is not None
    assert dataset_store.published(place) == {}
    assert len(list(place.list(PENDING))) == 1
    dataset_store.publish(dataset)
    assert set(dataset_store.published(place)) == {"test"}


def test_mark_of_a_sweeper_that_died_holds_nobody_up(place: Storage, dataset: Dataset) -> None:
    from assay import processes

    place.write(f"{SWEEP}/1", processes.identity().encode())
    assert dataset_store.is_swept(place)
    assert not dataset_store.is_swept(place, but_by=f"{SWEEP}/1")
    host = processes.identity().split(":")[0]
    place.write(f"{SWEEP}/1", f"{host}:{2**22 + 1}:0.00".encode())
    assert dataset_store.publish(dataset) is not None


def test_storage_that_is_away_hides_nothing_that_is_here(
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(home.STORAGE_VARIABLE, "s4://nowhere")
    assert catalogue.resolve("test", tmp_path / "here").version == "test"
    assert not caplog.messages
    assert catalogue.resolve("te", tmp_path / "here").path == dataset.path
    assert "shared datasets are not known: " in caplog.text
