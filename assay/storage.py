"""Bytes in a folder or an object store (``s3://bucket/prefix``), each file whole or not there.

What never changes is stored under the digest of its content, so writing it twice costs one look.
``ASSAY_STORAGE_URL`` says below which place all that machines share is stored (`home.shared`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay import home, storage_errors
from assay.durable import make_folder, replace_file, sync_folder, unfinished_beside, write_new
from assay.errors import StorageError

BLOBS = "blobs"
"""Folder of what is named after its content."""

_PART = 16 * 2**20
"""Bytes of a large file that travel together."""
_PARTS = 4
"""Parts of a large file on their way at once."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A large file that was begun in an object store, and is not visible yet."""

    path: str
    """Below the storage's root."""
    name: str
    """What the object store calls the upload."""
    begun: datetime


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
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StorageError(
                f"{url!r} is no place to store ({error}); name a folder or s3://bucket/prefix"
            ) from error
        self._is_local = "file" in self._files.protocol
        self._errors = storage_errors.errors(self._files.protocol)

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
            raise self._damaged(digest)
        return data

    def write_once(self, path: str, data: bytes) -> None:
        """Write the file at ``path`` unless it is there; its content never changes."""
        full = self._full(path)
        try:
            if self._is_local:
                make_folder(Path(full).parent)
                write_new(Path(full), [data])
            else:
                self._files.pipe_file(full, data)
        except self._errors as error:
            raise self._failed(path, error) from error

    def put_file(self, file: Path) -> str:
        """Keep a file of any size as `add` does; its SHA-256 in hex.

        It is read in parts: once for its digest and, unless it is there already, once more to
        send it. An upload that is interrupted is never visible.
        """
        try:
            digest = file_digest(file)
        except OSError as error:
            raise StorageError(f"{file} cannot be read: {error}") from error
        if not self.has(blob_path(digest)):
            self._send(file, blob_path(digest))
        return digest

    def get_file(self, digest: str, target: Path) -> None:
        """Copy the blob ``digest`` of any size to ``target``, whole or not at all.

        Raises `StorageError` where its content is another, as of one that was cut short.
        """
        path = blob_path(digest)
        unfinished = unfinished_beside(target)
        try:
            self._files.get_file(
                self._full(path), str(unfinished), chunksize=_PART, max_concurrency=_PARTS
            )
            if file_digest(unfinished) != digest:
                raise self._damaged(digest)
            with unfinished.open("rb") as stream:
                os.fsync(stream.fileno())
            unfinished.replace(target)
            sync_folder(target.parent)
        except self._errors as error:
            raise self._failed(path, error) from error
        finally:
            unfinished.unlink(missing_ok=True)

    def uploads(self) -> Iterator[Upload]:
        """Large files that were begun and never finished; a folder has none."""
        if self._is_local:
            return
        bucket, _, prefix = self._root.partition("/")
        try:
            found = self._files.list_multipart_uploads(bucket)
        except self._errors as error:
            raise self._failed("", error) from error
        begins = f"{prefix}/".lstrip("/")
        for one in found:
            if one["Key"].startswith(begins):
                yield Upload(one["Key"].removeprefix(begins), one["UploadId"], one["Initiated"])

    def give_up(self, upload: Upload) -> None:
        """Drop the parts of an upload that nobody will finish."""
        bucket, _, prefix = self._root.partition("/")
        try:
            self._files.abort_mpu(bucket, f"{prefix}/{upload.path}".lstrip("/"), upload.name)
        except FileNotFoundError:
            return
        except self._errors as error:
            raise self._failed(upload.path, error) from error

    def _send(self, file: Path, path: str) -> None:
        full = self._full(path)
        try:
            if self._is_local:
                make_folder(Path(full).parent)
                with file.open("rb") as stream:
                    write_new(Path(full), iter(lambda: stream.read(_PART), b""))
            else:
                self._files.put_file(str(file), full, chunksize=_PART, max_concurrency=_PARTS)
        except self._errors as error:
            raise self._failed(path, error) from error

    def _full(self, path: str) -> str:
        parts = [part for part in path.split("/") if part]
        if any(part in {".", ".."} for part in parts):
            raise StorageError(f"{path!r} leads out of {self.url}; name a path below it")
        return "/".join([self._root.rstrip("/"), *parts])

    def _failed(self, path: str, error: Exception) -> StorageError:
        reason = " ".join(str(error).split()) or type(error).__name__
        remedy = "" if self._is_local else storage_errors.remedy(error)
        return StorageError(f"{path or 'listing'} in {self.url}: {reason}{remedy}")

    def _damaged(self, digest: str) -> StorageError:
        return StorageError(
            f"{self.url}: blob {digest} is damaged; remove {blob_path(digest)} and store it anew"
        )


def file_digest(file: Path) -> str:
    """SHA-256 of a file in hex, read in parts; raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shared_storage(name: str, folder: Path) -> Storage:
    """The storage ``name`` below ``ASSAY_STORAGE_URL``; ``folder`` where nothing is shared."""
    return Storage(home.shared(name) or str(folder))


def blob_path(digest: str) -> str:
    """Where a blob is kept, in folders of at most 1/256 of all."""
    return f"{BLOBS}/{digest[:2]}/{digest}"


def _modified(about: dict[str, Any]) -> datetime:
    stamp = about.get("LastModified", about.get("mtime"))
    return stamp if isinstance(stamp, datetime) else datetime.fromtimestamp(stamp or 0, UTC)
