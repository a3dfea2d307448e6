"""Image bytes in a folder or an object store, each written once, through fsspec."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from assay.durable import make_folder, write_new
from assay.errors import StorageError


class ImageFiles:
    """Files named after the digest of what they hold.

    The name also carries the capture that brought the image: should it be deleted while the same
    image arrives again, the removal cannot hit the new file.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self._files, self._root = fsspec.core.url_to_fs(url)
        self._is_local = "file" in self._files.protocol
        self._errors = _errors(self._files.protocol)

    def write(self, digest: str, capture_id: str, image: bytes) -> str:
        """Write ``image`` unless that was done before, and wait until it is safe; its path.

        Raises `StorageError` when the object store does not take it.
        """
        path = f"{digest[:2]}/{digest}-{capture_id}"
        try:
            if self._is_local:
                file = Path(self._root) / path
                make_folder(file.parent)
                write_new(file, [image])
            else:
                self._files.pipe_file(f"{self._root}/{path}", image)
        except self._errors as error:
            raise StorageError(f"image store {self._root}: {error}") from error
        return path

    def read(self, path: str) -> bytes:
        """The bytes at ``path``; raises `StorageError` where they are missing."""
        try:
            return bytes(self._files.cat_file(f"{self._root}/{path}"))
        except self._errors as error:
            raise StorageError(f"image {path} in {self._root}: {error}") from error

    def remove(self, path: str) -> None:
        """Remove the file at ``path``, if it is there; raises `StorageError` where that fails."""
        try:
            self._files.rm_file(f"{self._root}/{path}")
        except FileNotFoundError:
            return
        except self._errors as error:
            raise StorageError(f"image {path} in {self._root}: {error}") from error


def _errors(protocol: str | tuple[str, ...]) -> tuple[type[Exception], ...]:
    """What a file system raises when it fails; S3's lets some of its client's errors through."""
    if "s3" not in protocol:
        return (OSError,)
    client_error: type[Exception] = import_module("botocore.exceptions").BotoCoreError
    return OSError, client_error
