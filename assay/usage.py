"""How much lies where: the folders of the state folder and of the shared storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assay.storage import Storage, Stored


@dataclass(frozen=True, slots=True)
class Usage:
    """One kind of thing in one place."""

    place: str
    """The state folder, or the storage's URL."""
    kind: str
    """Name of the folder: datasets, models, images, mlflow ..."""
    files: int
    bytes: int
    newest: datetime


def measure(root: Path, place: Storage | None) -> list[Usage]:
    """By place and kind; in the state folder a file with two names counts once."""
    found = list(_counted(str(root), _local(root)))
    return found if place is None else [*found, *_counted(place.url, place.list())]


def _counted(place: str, files: Iterable[Stored]) -> Iterator[Usage]:
    by_kind: dict[str, Usage] = {}
    for file in files:
        kind, slash, _ = file.path.partition("/")
        if not slash:
            continue
        old = by_kind.get(kind, Usage(place, kind, 0, 0, file.modified))
        newest = max(old.newest, file.modified)
        by_kind[kind] = Usage(place, kind, old.files + 1, old.bytes + file.size, newest)
    yield from (by_kind[kind] for kind in sorted(by_kind))


def _local(root: Path) -> Iterator[Stored]:
    seen: set[tuple[int, int]] = set()
    for file in sorted(root.rglob("*")):
        try:
            about = file.lstat()
        except FileNotFoundError:  # it was removed meanwhile
            continue
        if file.is_symlink() or not file.is_file() or (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        modified = datetime.fromtimestamp(about.st_mtime, UTC)
        yield Stored(file.relative_to(root).as_posix(), about.st_size, modified)
