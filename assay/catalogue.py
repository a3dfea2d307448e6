"""The datasets of a state folder and of the shared storage: which there are, what each holds.

Only manifests and small columns are read, never an image; `assay.dataset_diff` compares two.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay import dataset_store
from assay.dataset import MANIFEST, Dataset
from assay.errors import ConfigError, StorageError, did_you_mean
from assay.progress import Progress, silent
from assay.records import Rejected
from assay.rejections import Rejection, rejections

logger = logging.getLogger(__name__)

COUNTED = ("label", "manipulation", "split", "dataset", "source", "licence")
"""Columns whose values are counted."""
LATEST = "latest"
"""The name of the newest finished dataset."""
COMPLETE, SHARED = "complete", "shared"
Counts = Mapping[str, int]
"""Rows by value; an empty value is called ``none``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One build in the state folder, or one dataset that is shared, as its manifest tells."""

    path: Path
    """Where it is, or will be once it is fetched."""
    state: str
    """``complete``, ``unfinished`` (stopped, or still running) or ``unreadable``."""
    created_at: str
    """ISO 8601 in UTC; of an unfinished build, when its folder last changed."""
    bytes: int
    """Size on disk."""
    version: str = ""
    source: str = ""
    rows: int = 0
    rejected: int = 0
    labels: Counts = field(default_factory=dict)
    splits: Counts = field(default_factory=dict)
    models: tuple[str, ...] = ()
    """Registered models that were trained on it."""
    place: str = "here"
    """``here``, ``shared``, or ``here, shared``."""


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a dataset tells about itself."""

    version: str
    path: Path
    created_at: str
    rows: int
    settings: Mapping[str, Any]
    counts: Mapping[str, Counts]
    """For each of `COUNTED`."""
    labels_by_split: Mapping[str, Counts]
    groups: Counts
    """Independent photographs by split."""
    rejected: tuple[Rejection, ...]


def entries(root: Path, models: Mapping[str, Sequence[str]] | None = None) -> list[Entry]:
    """Every build under ``root`` and every shared dataset, newest first.

    A build without a manifest is an entry too. ``models`` are the names of trained models by
    dataset version.
    """
    found, known = builds(root, models), _known_elsewhere()
    here = {entry.version for entry in found if entry.state == COMPLETE}
    found = [
        replace(entry, place="here, shared") if entry.version in known else entry for entry in found
    ]
    found += [_shared(one, root, models or {}) for name, one in known.items() if name not in here]
    return sorted(found, key=lambda entry: (entry.created_at, entry.path.name), reverse=True)


def _known_elsewhere() -> dict[str, dataset_store.Published]:
    """Shared datasets; none where the storage does not answer: what is here can still be used."""
    try:
        place = dataset_store.storage()
        return {} if place is None else dataset_store.published(place)
    except StorageError as error:
        logger.warning("shared datasets are not known: %s", error)
        return {}


def builds(root: Path, models: Mapping[str, Sequence[str]] | None = None) -> list[Entry]:
    """Every build under ``root``, in no order; the storage is not asked."""
    return [_entry(path, models or {}) for path in root.glob("[!.]*") if path.is_dir()]


def resolve(name: str, root: Path, progress: Progress = silent) -> Dataset:
    """The dataset called ``name``: a version, the beginning of one, `LATEST`, or a path.

    One that is shared and not here is fetched into ``root``. Raises `ConfigError` when nothing, or
    more than one version, is called so, and `StorageError` where it cannot be fetched.
    """
    if (Path(name) / MANIFEST).is_file():
        return Dataset(Path(name))
    return _opened(_chosen(name, root), root, progress)


def _opened(entry: Entry, root: Path, progress: Progress) -> Dataset:
    if entry.place == SHARED and (place := dataset_store.storage()) is not None:
        return dataset_store.fetch(place, entry.version, root, progress)
    dataset_store.touch(entry.path)
    return Dataset(entry.path)


def _chosen(name: str, root: Path) -> Entry:
    for entry in builds(root):
        if entry.state == COMPLETE and entry.version == name:
            return entry  # the storage need not be asked
    complete = [entry for entry in entries(root) if entry.state == COMPLETE]
    if not complete:
        raise ConfigError(
            f"no dataset in {root}; build one with: python run.py --pipeline data_validation"
        )
    if name == LATEST:
        return complete[0]
    fitting = [entry for entry in complete if name and entry.version.startswith(name)]
    versions = sorted({entry.version for entry in fitting})
    if not versions:
        hint = did_you_mean(name, [*(entry.version for entry in complete), LATEST])
        raise ConfigError(f"no dataset {name!r}{hint}; see: python -m assay datasets list")
    if len(versions) > 1:
        raise ConfigError(f"{name!r} begins {', '.join(versions)}; give more of the version")
    return min(fitting, key=lambda entry: entry.place == SHARED)  # one that is here, if any


def contents(dataset: Dataset) -> Contents:
    """Counts, settings and rejected rows of ``dataset``."""
    manifest = read_manifest(dataset.path)
    table = dataset.table([*COUNTED, "group"])
    columns = {name: table[name].to_pylist() for name in table.column_names}
    by_split: dict[str, dict[str, int]] = {}
    pairs = Counter(zip(columns["split"], columns["label"], strict=True))
    for (split, label), count in sorted(pairs.items()):
        by_split.setdefault(split, {})[label] = count
    groups = set(zip(columns["split"], columns["group"], strict=True))
    return Contents(
        version=dataset.version,
        path=dataset.path,
        created_at=manifest.get("created_at", ""),
        rows=len(dataset),
        settings=manifest.get("settings", {}),
        counts={name: counts(columns[name]) for name in COUNTED},
        labels_by_split=by_split,
        groups=counts(split for split, _ in groups),
        rejected=rejections(Rejected(**row) for row in dataset.rejected),
    )


def counts(values: Iterable[str]) -> dict[str, int]:
    """How often each value comes, in alphabetical order; an empty one is called ``none``."""
    return dict(sorted(Counter(value or "none" for value in values).items()))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a dataset that exists."""
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def stored_files(folder: Path) -> Iterator[os.stat_result]:
    """Of each file below ``folder``; what a build removes meanwhile is passed over."""
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                yield (Path(place) / name).stat()


def _entry(folder: Path, models: Mapping[str, Sequence[str]]) -> Entry:
    size = sum(file.st_size for file in stored_files(folder))
    changed = datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="seconds")
    if not (folder / MANIFEST).exists():
        return Entry(folder, "unfinished", changed, size)
    try:
        manifest = read_manifest(folder)
        return Entry(
            path=folder,
            state=COMPLETE,
            created_at=manifest.get("created_at", changed),
            bytes=size,
            version=manifest["version"],
            source=manifest.get("settings", {}).get("source", ""),
            rows=manifest["rows"],
            rejected=len(manifest["rejected"]),
            labels=manifest["counts"].get("label", {}),
            splits=manifest["counts"].get("split", {}),
            models=tuple(models.get(manifest["version"], ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Entry(folder, "unreadable", changed, size)


def _shared(
    about: dataset_store.Published, root: Path, models: Mapping[str, Sequence[str]]
) -> Entry:
    return Entry(
        path=root / about.version,
        state=COMPLETE,
        created_at=about.created_at,
        bytes=about.bytes,
        version=about.version,
        source=about.source,
        rows=about.rows,
        rejected=about.rejected,
        labels=about.labels,
        splits=about.splits,
        models=tuple(models.get(about.version, ())),
        place=SHARED,
    )
