"""Bytes in a folder or an object store (``s3://bucket/prefix``), each file whole or not there.

What never changes is stored under the digest of its content, so writing it twice costs one look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from assay.durable import make_folder, replace_file
from assay.errors import StorageError

BLOBS = "blobs"
"""Folder of what is named after its content."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a storage."""

    path: str
    """Below the storage's root, with slashes."""
    size: int
    modified: datetime


class Storage:
    """Files below ``url``, a folder or an fsspec URL; safe among threads.

    Every method raises `StorageError` where the place fails, and for a path that leads out of it.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._is_local = "file" in self._files.protocol
        self._errors = _errors(self._files.protocol)

    def write(self, path: str, data: bytes) -> None:
        """Write or replace the file at ``path``; it is safe on disk when this returns."""
        full = self._full(path)
        try:
            if self._is_local:
                make_folder(Path(full).parent)
                replace_file(Path(full), data)
            else:
                self._files.pipe_file(full, data)
        except self._errors as error:
            raise self._failed(path, error) from error

    def read(self, path: str) -> bytes:
        """The bytes at ``path``."""
        try:
            return bytes(self._files.cat_file(self._full(path)))
        except self._errors as error:
            raise self._failed(path, error) from error

    def has(self, path: str) -> bool:
        """Whether there is a file at ``path``."""
        try:
            self._files.invalidate_cache()
            return bool(self._files.isfile(self._full(path)))
        except self._errors as error:
            raise self._failed(path, error) from error

    def remove(self, path: str) -> None:
        """Remove the file at ``path``, if it is there."""
        try:
            self._files.rm_file(self._full(path))
        except FileNotFoundError:
            return
        except self._errors as error:
            raise self._failed(path, error) from error

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Every file below the folder ``prefix``, by path; none where there is no such folder."""
        root = self._full("")
        try:
            self._files.invalidate_cache()
            found = self._files.find(self._full(prefix), detail=True)
        except FileNotFoundError:
            return
        except self._errors as error:
            raise self._failed(prefix, error) from error
        for name, about in sorted(found.items()):
            path = name.removeprefix(root).strip("/")
            yield Stored(path, int(about["size"]), _modified(about))

    def add(self, data: bytes) -> str:
        """Keep ``data`` under its SHA-256, which comes back in hex, unless it is there."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.has(blob_path(digest)):
            self.write(blob_path(digest), data)
        return digest

    def blob(self, digest: str) -> bytes:
        """What was kept under ``digest``; raises `StorageError` where its content is another."""
        data = self.read(blob_path(digest))
        if hashlib.sha256(data).hexdigest() != digest:
            raise StorageError(f"{self.url}: blob {digest} is damaged; remove it and store it anew")
        return data

    def _full(self, path: str) -> str:
        parts = [part for part in path.split("/") if part]
        if any(part in {".", ".."} for part in parts):
            raise StorageError(f"{path!r} leads out of {self.url}; name a path below it")
        return "/".join([self._root.rstrip("/"), *parts])

    def _failed(self, path: str, error: Exception) -> StorageError:
        return StorageError(f"{path or 'listing'} in {self.url}: {error or type(error).__name__}")


def blob_path(digest: str) -> str:
    """Where a blob is kept, in folders of at most 1/256 of all."""
    return f"{BLOBS}/{digest[:2]}/{digest}"


def _modified(about: dict[str, Any]) -> datetime:
    stamp = about.get("LastModified", about.get("mtime"))
    return stamp if isinstance(stamp, datetime) else datetime.fromtimestamp(stamp or 0, UTC)


def _errors(protocol: str | tuple[str, ...]) -> tuple[type[Exception], ...]:
    """What a file system raises when it fails; S3's lets some of its client's errors through."""
    if "s3" not in protocol:
        return (OSError,)
    client_error: type[Exception] = import_module("botocore.exceptions").BotoCoreError
    return OSError, client_error
