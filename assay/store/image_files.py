"""Image bytes in a folder or an object store, each written once."""

from __future__ import annotations

from assay.storage import Storage


class ImageFiles:
    """Files named after the digest of what they hold.

    The name also carries the capture that brought the image: should it be deleted while the same
    image arrives again, the removal cannot hit the new file. Every method raises `StorageError`
    where the place fails.
    """

    def __init__(self, url: str) -> None:
        self._files = Storage(url)

    def write(self, digest: str, capture_id: str, image: bytes) -> str:
        """Write ``image`` unless that was done before, and wait until it is safe; its path."""
        path = f"{digest[:2]}/{digest}-{capture_id}"
        self._files.write_once(path, image)
        return path

    def read(self, path: str) -> bytes:
        """The bytes at ``path``."""
        return self._files.read(path)

    def remove(self, path: str) -> None:
        """Remove the file at ``path``, if it is there."""
        self._files.remove(path)
