"""Finished datasets where all machines find them: shards by content, and a manifest a version.

Below ``ASSAY_STORAGE_URL``:

    blobs/ab/ab12...                 shards and descriptions, each once, whoever shares it
    datasets/<version>.json          which blobs a dataset is made of; written when all are there
    pending/<version>-<number>.json  the same while it is on its way, so that nobody sweeps blobs
    sweep/<number>                   there while `assay.garbage` removes; who publishes waits

Without that variable nothing is published: datasets lie in the state folder alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from assay import home, processes, tracking
from assay.dataset import MANIFEST, Dataset
from assay.errors import StorageError
from assay.locks import exclusive
from assay.progress import Progress, silent
from assay.storage import Storage, Stored, blob_path, file_digest

logger = logging.getLogger(__name__)

DATASETS, PENDING, SWEEP = "datasets", "pending", "sweep"
"""Folders of a storage, beside its blobs."""
BELIEVED = timedelta(minutes=5)
"""For which a sweep is believed to go on where its process cannot be asked."""

_ASK_EVERY = 1.0
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A file of a dataset."""

    name: str = Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Below its folder, with a slash at most once."""
    digest: Digest
    bytes: int


class Published(BaseModel):
    """A dataset as its manifest in the storage tells."""

    version: str = Field(pattern=r"^[A-Za-z0-9]+$")
    parts: list[Part]
    owner: str
    """The model registry that knows which models were trained on it."""
    created_at: str
    rows: int
    rejected: int
    source: str
    labels: dict[str, int]
    splits: dict[str, int]

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(part.bytes for part in self.parts)


def storage() -> Storage | None:
    """Where datasets are shared; None without ``ASSAY_STORAGE_URL``."""
    url = home.shared()
    return Storage(url) if url else None


def publish(dataset: Dataset, progress: Progress = silent) -> Published | None:
    """Share ``dataset``, or say anew that it is in use; None where nothing is shared.

    What is there already is not sent again. Killed at any point it leaves either the whole dataset
    or nothing that anybody reads. Raises `StorageError`.
    """
    if (place := storage()) is None:
        return None
    described = _described(dataset)
    with _pending(place, described):
        wait_for_sweep(place)
        for done, part in enumerate(described.parts, 1):
            if place.put_file(dataset.path / part.name) != part.digest:
                raise StorageError(f"{dataset.path / part.name} changed meanwhile; run this again")
            progress(done, len(described.parts), "sharing the dataset")
        place.write(manifest_path(described.version), described.model_dump_json(indent=1).encode())
    return described


def published(place: Storage) -> dict[str, Published]:
    """Every dataset of a storage by version; one that cannot be read is a warning."""
    found = {}
    for path in manifests(place):
        try:
            one = read(place, path)
        except StorageError as error:
            logger.warning("%s", error)
        else:
            found[one.version] = one
    return found


def manifests(place: Storage) -> list[str]:
    """The paths of all manifests of finished datasets."""
    return [one.path for one in place.list(DATASETS)]


def manifest_path(version: str) -> str:
    """Where the manifest of a dataset is kept."""
    return f"{DATASETS}/{version}.json"


def read(place: Storage, path: str) -> Published:
    """The manifest at ``path``; raises `StorageError` for one that is none."""
    try:
        return Published.model_validate_json(place.read(path))
    except ValidationError as error:
        raise StorageError(
            f"{path} in {place.url} describes no dataset; remove it, and publish that again"
        ) from error


def fetch(place: Storage, version: str, root: Path, progress: Progress = silent) -> Dataset:
    """The shared dataset ``version``, copied into ``root`` unless it is there, each file verified.

    A copy that was interrupted goes on where it stopped. Raises `StorageError`.
    """
    about = read(place, manifest_path(version))
    path = root / version
    path.mkdir(parents=True, exist_ok=True)
    lock = root / f".{version}.lock"
    with exclusive(lock, f"another run fetches dataset {version}; wait for it"):
        parts = sorted(about.parts, key=lambda part: part.name == MANIFEST)  # it makes it whole
        for done, part in enumerate(parts, 1):
            target = path / part.name
            target.parent.mkdir(exist_ok=True)
            if not target.is_file() or file_digest(target) != part.digest:
                place.get_file(part.digest, target)
            progress(done, len(parts), "fetching the dataset")
    found = Dataset(path)
    if found.version != version:
        raise StorageError(f"{version}.json in {place.url} holds {found.version}; remove it")
    return found


def wait_for_sweep(place: Storage) -> None:
    """Return once nobody removes anything from ``place``."""
    said = False
    while is_swept(place):
        if not said:
            logger.warning("waiting for a garbage collection of %s to end", place.url)
            said = True
        time.sleep(_ASK_EVERY)


def is_swept(place: Storage, but_by: str = "") -> bool:
    """Whether somebody removes from ``place``, ``but_by`` (the path of a mark) not counted.

    A sweeper that is known to be dead, or was not heard of for `BELIEVED`, removes nothing more.
    """
    marks = [one for one in place.list(SWEEP) if one.path != but_by]
    return any(_is_live(place, one) for one in marks)


def _is_live(place: Storage, mark: Stored) -> bool:
    if datetime.now(UTC) - mark.modified > BELIEVED:
        return False
    try:
        sweeper = place.read(mark.path).decode()
    except StorageError:  # it has just ended
        return False
    return not processes.is_dead(sweeper)


@contextmanager
def _pending(place: Storage, about: Published) -> Iterator[None]:
    """Keep the blobs of ``about`` from being swept; a note that is left behind runs out."""
    path = f"{PENDING}/{about.version}-{secrets.token_hex(8)}.json"
    place.write(path, about.model_dump_json().encode())
    yield
    place.remove(path)


def _described(dataset: Dataset) -> Published:
    from assay.conflicts import FOLDER

    shards = dataset.path.glob("[!.]*.parquet"), dataset.path.glob(f"{FOLDER}/[!.]*.parquet")
    files = [*sorted(chain(*shards)), dataset.path / MANIFEST]
    parts = [
        Part(
            name=file.relative_to(dataset.path).as_posix(),
            digest=file_digest(file),
            bytes=file.stat().st_size,
        )
        for file in files
    ]
    about = dataset.summary()
    return Published(
        version=dataset.version,
        parts=parts,
        owner=tracking.identity(),
        created_at=dataset.created_at,
        rows=len(dataset),
        rejected=len(dataset.rejected),
        source=str(dataset.settings.get("source", "")),
        labels=about.get("label", {}),
        splits=about.get("split", {}),
    )


def blobs(about: Published) -> set[str]:
    """The paths of what a dataset is made of."""
    return {blob_path(part.digest) for part in about.parts}


def touch(path: Path) -> None:
    """Note on the folder of a dataset that it is in use, so that it is not taken for forgotten."""
    with contextlib.suppress(OSError):  # in a folder that may only be read
        os.utime(path / MANIFEST)
