"""The same promises in a folder and in an object store over real HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import StorageError
from assay.storage import Storage, blob_path
from tests import s3


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3.running() as url:
        yield url


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    is_folder = request.param == "folder"
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    return Storage(str(tmp_path) if is_folder else f"{request.getfixturevalue('bucket')}/{name}")


def test_file_is_read_back_and_replaced(storage: Storage) -> None:
    storage.write("a/b", b"one")
    storage.write("a/b", b"\x00two")
    assert storage.read("a/b") == b"\x00two"


def test_listing_names_every_file_below_a_folder(storage: Storage) -> None:
    for path in ("a/2", "a/1", "ab/3"):
        storage.write(path, path.encode())
    assert [(one.path, one.size) for one in storage.list("a")] == [("a/1", 3), ("a/2", 3)]
    assert len(list(storage.list())) == 3
    assert list(storage.list("nowhere")) == []


def test_removed_file_is_gone_and_may_be_removed_again(storage: Storage) -> None:
    storage.write("a", b"1")
    storage.remove("a")
    storage.remove("a")
    assert not storage.has("a")
    with pytest.raises(StorageError, match="a in"):
        storage.read("a")


def test_content_is_kept_once_under_its_digest(storage: Storage) -> None:
    assert storage.add(b"same") == storage.add(b"same") == hashlib.sha256(b"same").hexdigest()
    assert len(list(storage.list())) == 1


def test_damaged_content_is_not_believed(storage: Storage) -> None:
    digest = storage.add(b"right")
    storage.write(blob_path(digest), b"wrong")
    with pytest.raises(StorageError, match="damaged"):
        storage.blob(digest)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "./a"])
def test_path_that_leads_out_is_refused(storage: Storage, path: str) -> None:
    with pytest.raises(StorageError, match="leads out"):
        storage.write(path, b"")


def test_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="b in"):
        Storage(str(tmp_path / "file")).write("a/b", b"")
