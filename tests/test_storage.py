"""The same promises in a folder and in an object store over real HTTP."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import home
from assay.errors import StorageError
from assay.storage import Storage, blob_path, shared_storage
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


def test_large_file_is_kept_by_its_content_and_read_back(storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(bytes(range(256)) * 2**18)  # 64 MiB travel in parts
    digest = storage.put_file(file)
    assert digest == storage.put_file(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    storage.get_file(digest, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["copy", "weights"]


def test_file_that_was_cut_short_is_not_copied(storage: Storage, tmp_path: Path) -> None:
    digest = storage.add(b"all of it")
    storage.write(blob_path(digest), b"all")
    with pytest.raises(StorageError, match=f"blob {digest} is damaged; remove blobs/"):
        storage.get_file(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_written_once_is_there(storage: Storage) -> None:
    storage.write_once("a/b", b"one")
    storage.write_once("a/b", b"one")
    assert storage.read("a/b") == b"one"


def test_two_writers_of_one_content_do_not_harm_each_other(storage: Storage) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as threads:
        digests = set(threads.map(storage.add, [b"same" * 10_000] * 16))
    assert [storage.blob(digest) for digest in digests] == [b"same" * 10_000]
    assert len(list(storage.list())) == 1


def test_memory_does_not_grow_with_the_file(bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as stream:
        stream.truncate(160 * 2**20)
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom assay.storage import Storage\n"
        "place = Storage(sys.argv[1])\nplace.has('warm')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "place.put_file(Path(sys.argv[2]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    command = [sys.executable, "-c", script, f"{bucket}/large", str(file)]
    grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert int(grown) < 128 * 1024


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "check AWS_ENDPOINT_URL"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "check AWS_ACCESS_KEY_ID and"),
        ({"bucket": "s3://nowhere"}, "make the bucket"),
    ],
)
def test_object_store_that_refuses_is_named_with_what_to_do(
    bucket: str, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    import fsspec

    url = variables.pop("bucket", bucket)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    try:
        with pytest.raises(StorageError, match=rf"a in {url}: .*{message}"):
            Storage(url).write("a", b"1")
    finally:
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_address_that_is_none_is_named() -> None:
    with pytest.raises(StorageError, match=r"'s4://a' is no place to store .* name a folder or s3"):
        Storage("s4://a")


def test_shared_storage_is_the_folder_where_nothing_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(home.STORAGE_VARIABLE, raising=False)
    shared_storage("downloads", tmp_path / "here").write("a", b"1")
    monkeypatch.setenv(home.STORAGE_VARIABLE, str(tmp_path / "shared"))
    shared_storage("downloads", tmp_path / "here").write("b", b"2")
    assert (tmp_path / "here" / "a").exists()
    assert (tmp_path / "shared" / "downloads" / "b").exists()
