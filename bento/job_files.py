"""What the jobs of this machine still have to read: one folder a job, gone when it has ended."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from assay import archives
from assay.archives import ArchiveSettings, Member
from assay.durable import make_folder, sync_folder, write_new
from assay.errors import NotStored, StorageError, UnsafeArchive
from assay.store import JobState, Store
from assay.store.ids import is_id
from bento.refusals import InvalidRequest, TooManyImages

_CHUNK = 2**20
_FOLDERS = 2
"""Entries of a zip for each image: most are packed with the folders that they lie in."""
_STRAY = 24 * 3600.0
"""Seconds after which a folder that no job has was left behind, not just begun."""


def check(stream: BinaryIO, limit: int) -> list[str]:
    """The names of the images of a zip, all of which were unpacked once to see what comes out.

    One suspicious member is enough to refuse the whole. Raises `UnsafeArchive`, `TooManyImages`
    beyond ``limit``, `InvalidRequest` for an empty archive.
    """
    settings = ArchiveSettings(max_members=_FOLDERS * limit)
    names: list[str] = []
    for member in archives.members(stream, settings):
        if isinstance(member.content, str):
            raise UnsafeArchive(f"the archive is refused for {member.name}: {member.content}")
        if len(names) == limit:
            raise TooManyImages(f"the archive holds over {limit:,} images; split it")
        names.append(member.name)
    if not names:
        raise InvalidRequest("the archive holds no files; pack the images into it")
    return names


def keep(store: Store, job_id: str, stream: BinaryIO) -> None:
    """Copy an archive to where its job finds it, durably; raises `StorageError`."""
    stream.seek(0)
    path = _archive(store, job_id)
    try:
        make_folder(_folder(store))
        make_folder(path.parent)
        write_new(path, iter(lambda: stream.read(_CHUNK), b""))
        sync_folder(path.parent)
    except OSError as error:
        remove(store, job_id)
        raise StorageError(f"the archive cannot be kept ({error.strerror}); free disk") from error


def members(store: Store, job_id: str, positions: Collection[int]) -> Iterator[Member]:
    """The members at these positions, in order; raises `UnsafeArchive` where it is not there."""
    settings = ArchiveSettings(max_members=2**31)  # they were counted when it was taken
    try:
        with _archive(store, job_id).open("rb") as stream:
            yield from archives.members(stream, settings, wanted=positions)
    except OSError as error:
        raise UnsafeArchive(
            "the archive is not on this machine; send it again, and let services that share a "
            "database share the store's folder"
        ) from error


def remove(store: Store, job_id: str) -> None:
    """Remove what a job has to read."""
    shutil.rmtree(_folder(store) / job_id, ignore_errors=True)


def tidy(store: Store, days: int) -> None:
    """Forget results after ``days``, and remove what a kill left of jobs that are over."""
    while store.jobs.forget_before(store.database.now() - timedelta(days=days)):
        pass
    for path in _folder(store).glob("*"):
        if is_id(path.name) and _is_over(store, path):
            remove(store, path.name)


def _is_over(store: Store, path: Path) -> bool:
    try:
        return store.jobs.get(path.name).state is not JobState.PENDING
    except NotStored:
        return time.time() - path.stat().st_mtime > _STRAY


def _folder(store: Store) -> Path:
    return store.folder / "jobs"


def _archive(store: Store, job_id: str) -> Path:
    return _folder(store) / job_id / "images.zip"
