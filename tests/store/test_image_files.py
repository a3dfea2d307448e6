"""Images in a folder and in an object store over real HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import StorageError
from assay.store.image_files import ImageFiles
from tests import s3


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """A prefix of a bucket of an S3 server of our own."""
    with s3.running() as bucket:
        yield f"{bucket}/images"


@pytest.fixture(params=["folder", "s3"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> ImageFiles:
    is_folder = request.param == "folder"
    return ImageFiles(str(tmp_path / "images") if is_folder else request.getfixturevalue("s3_url"))


def test_image_is_read_back_and_written_again_alike(images: ImageFiles):
    path = images.write("abcdef", "capture", b"\x00\xffbytes")
    assert images.write("abcdef", "capture", b"\x00\xffbytes") == path
    assert images.read(path) == b"\x00\xffbytes"


def test_removed_image_is_gone_and_may_be_removed_again(images: ImageFiles):
    path = images.write("abcdef", "removed", b"bytes")
    images.remove(path)
    images.remove(path)
    with pytest.raises(StorageError, match="abcdef-removed"):
        images.read(path)


def test_folder_that_cannot_be_written_is_an_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        ImageFiles(str(tmp_path / "file")).write("abcdef", "capture", b"bytes")
