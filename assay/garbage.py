"""Garbage collection: what no registered model needs is marked, shown with the reason, and swept.

Roots are the datasets that registered models, deployments and running trainings come from, and
those that were used lately. Whatever a root holds stays; so does what is younger than a day, as
somebody may be writing it. Captured images, downloads and MLflow's artifacts are no business of
this module: retention, the source and MLflow's registry say what becomes of them.

A sweep leaves a mark in the storage before it looks. Whoever publishes leaves a note first and then
looks for marks, so one of both sees the other, and nothing is swept that is just being shared. Each
removal is one file, a manifest before its blobs: killed at any point, the rest is found next time.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay import catalogue, dataset_store, model_needs, model_registry, processes, tracking
from assay.dataset import MANIFEST
from assay.dataset_store import BELIEVED, DATASETS, PENDING, SWEEP, Published
from assay.errors import StorageError
from assay.locks import exclusive
from assay.progress import Progress, silent
from assay.storage import BLOBS, Storage, Stored

if TYPE_CHECKING:
    from assay.store import Store

logger = logging.getLogger(__name__)

GRACE = timedelta(days=1)
"""For which anything new is left alone."""
ON_ITS_WAY = timedelta(days=7)
"""For which a dataset may be on its way into the storage."""

_REMOVED = ".removed-"
_HISTORY = 10_000
"""Deployments that are looked at."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is kept, and what becomes of it."""

    kind: str
    """``build`` (in the state folder), ``dataset``, ``blob``, ``note`` or ``upload`` (shared)."""
    name: str
    bytes: int
    modified: datetime
    goes: bool
    why: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Who needs what, and how old garbage has to be."""

    needed: Mapping[str, str]
    """Versions of datasets, each with who needs it."""
    owner: str
    """The registry that said so: others' datasets stay."""
    older_than: timedelta
    now: datetime

    def judge(self, version: str, modified: datetime) -> tuple[bool, str]:
        """Whether a dataset goes, and why."""
        if version in self.needed:
            return False, f"needed by {self.needed[version]}"
        if self.now - modified <= max(self.older_than, GRACE):
            return False, f"used within {max(self.older_than, GRACE).days} days"
        return True, f"no model needs it, unused for {(self.now - modified).days} days"


def rules(store: Store, older_than: timedelta) -> Rules:
    """What is needed now, by the registry, the deployments and the lineage that ``store`` keeps.

    Raises `NoChampion` for a registered model that cannot say what it needs, and
    `StoreUnavailable` without the database: what is needed is not known then.
    """
    needed = tracking.running_datasets()
    for deployment in store.deployments.history("", _HISTORY):
        if deployment.is_open or deployment.ended_at is None:
            needed[deployment.subject.dataset_version] = f"deployment {deployment.id[:8]}"
    for name in model_registry.versions():
        needed |= dict.fromkeys(_lineage(store, name), f"version {name}")
    needed |= model_needs.datasets_needed()
    return Rules(needed, tracking.identity(), older_than, datetime.now(UTC))


def _lineage(store: Store, version: str) -> Iterator[str]:
    """The datasets of a model and of those that it continues."""
    seen: set[str] = set()
    model = store.lineage.model(version)
    while model is not None and model.model_version not in seen:
        seen.add(model.model_version)
        yield from model.datasets
        model = store.lineage.model(model.parent) if model.parent else None


def look(place: Storage | None, root: Path, given: Rules) -> list[Item]:
    """Everything below ``root`` (builds) and in ``place`` (shared), with what becomes of it."""
    builds = [_build(entry, given) for entry in catalogue.builds(root)]
    builds += [_leftover(path) for path in sorted(root.glob(f"{_REMOVED}*"))]
    return builds + ([] if place is None else list(_shared(place, given)))


def sweep(
    place: Storage | None,
    root: Path,
    given: Callable[[], Rules],
    progress: Progress = silent,
) -> list[Item]:
    """Remove what goes; returns everything that was looked at, as it was found.

    ``given`` is asked after the mark is set. Raises `StorageError` while another one sweeps.
    """
    if place is None:
        found = look(None, root, given())
        _sweep_builds(root, found, progress)
        return found
    with _marked(place) as still_ours:
        found = look(place, root, given())
        _sweep_builds(root, found, progress)
        going = sorted((one for one in found if one.goes and one.kind != "build"), key=_order)
        begun = {(one.path, one.name): one for one in place.uploads()}
        for done, item in enumerate(going, 1):
            still_ours()
            if item.kind == "upload":
                path, _, name = item.name.rpartition(" ")
                place.give_up(begun[path, name])
            else:
                place.remove(item.name)
            progress(done, len(going), "removing from the storage")
    return found


def _order(item: Item) -> int:
    """A manifest goes before its blobs, so that no reader is told of what is gone."""
    return ("dataset", "note", "blob", "upload").index(item.kind)


@contextmanager
def _marked(place: Storage) -> Iterator[Callable[[], None]]:
    """Hold a mark in ``place``; what is yielded renews it before every removal."""
    path, who = f"{SWEEP}/{secrets.token_hex(8)}", processes.identity().encode()
    place.write(path, who)
    renewed = time.monotonic()

    def renew() -> None:
        nonlocal renewed
        passed = timedelta(seconds=time.monotonic() - renewed)
        if passed > BELIEVED / 2:
            raise StorageError("the sweep was held up for minutes, so it is given up; run it again")
        if passed > BELIEVED / 10:
            place.write(path, who)
            renewed = time.monotonic()

    try:
        if dataset_store.is_swept(place, but_by=path):
            raise StorageError(f"another garbage collection of {place.url} is running; wait for it")
        yield renew
    finally:
        place.remove(path)


def _shared(place: Storage, given: Rules) -> Iterator[Item]:
    """Notes are listed before manifests: a dataset that arrives meanwhile is in one of both."""
    notes = [_note(place, one, given) for one in place.list(PENDING)]
    arriving = {about.version: "a run that shares it" for _, about in notes if about is not None}
    given = replace(given, needed={**given.needed, **arriving})
    datasets = [_dataset(place, one, given) for one in place.list(DATASETS)]
    kept = [(item, about) for item, about in [*datasets, *notes] if not item.goes]
    held = {path for _, about in kept if about is not None for path in dataset_store.blobs(about)}
    is_known = all(about is not None for _, about in kept)
    yield from (item for item, _ in [*datasets, *notes])
    for one in place.list(BLOBS):
        yield _blob(one, one.path in held, is_known, given)
    for upload in place.uploads():
        is_old = given.now - upload.begun > ON_ITS_WAY
        why = "an upload that nobody finished" if is_old else "perhaps still on its way"
        yield Item("upload", f"{upload.path} {upload.name}", 0, upload.begun, is_old, why)


def _dataset(place: Storage, one: Stored, given: Rules) -> tuple[Item, Published | None]:
    facts = one.path, one.size, one.modified
    try:
        about = dataset_store.read(place, one.path)
    except StorageError:
        return Item("dataset", *facts, False, "it cannot be read: look at it"), None
    if about.owner != given.owner:
        return Item("dataset", *facts, False, "another registry knows who needs it"), about
    return Item("dataset", *facts, *given.judge(about.version, one.modified)), about


def _note(place: Storage, one: Stored, given: Rules) -> tuple[Item, Published | None]:
    facts = one.path, one.size, one.modified
    if given.now - one.modified > ON_ITS_WAY:
        return Item("note", *facts, True, "its dataset never arrived"), None
    try:
        about = dataset_store.read(place, one.path)
    except StorageError:
        return Item("note", *facts, False, "it cannot be read, or its dataset just arrived"), None
    return Item("note", *facts, False, "its dataset is on its way"), about


def _blob(one: Stored, is_held: bool, is_known: bool, given: Rules) -> Item:
    facts = one.path, one.size, one.modified
    if is_held:
        return Item("blob", *facts, False, "a dataset holds it")
    if not is_known:
        return Item("blob", *facts, False, "a manifest that cannot be read may hold it")
    if given.now - one.modified <= GRACE:
        return Item("blob", *facts, False, "younger than a day")
    return Item("blob", *facts, True, "no dataset holds it")


def _build(entry: catalogue.Entry, given: Rules) -> Item:
    modified = _last_used(entry.path)
    goes, why = given.judge(entry.version, modified)
    why = why if entry.version else why.replace("no model needs it", entry.state)
    return Item("build", entry.path.name, entry.bytes, modified, goes, why)


def _last_used(path: Path) -> datetime:
    """Of a finished build its manifest says it; an unfinished one was used when last written to."""
    marker = path / MANIFEST
    files = [marker.stat()] if marker.exists() else [path.stat(), *catalogue.stored_files(path)]
    return datetime.fromtimestamp(max(file.st_mtime for file in files), UTC)


def _leftover(path: Path) -> Item:
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return Item("build", path.name, 0, modified, True, "a removal that was interrupted")


def _sweep_builds(root: Path, found: Sequence[Item], progress: Progress) -> None:
    going = [item for item in found if item.goes and item.kind == "build"]
    for done, item in enumerate(going, 1):
        try:
            _remove_build(root, item)
        except StorageError as error:
            logger.warning("%s stays: %s", item.name, error)
        progress(done, len(going), "removing builds")


def _remove_build(root: Path, item: Item) -> None:
    """Out of sight first: what a kill leaves of it is never taken for a dataset."""
    path = root / item.name
    if not item.name.startswith(_REMOVED):
        with exclusive(root / f".{item.name}.lock", "a run works on it"):
            if _last_used(path) > item.modified:
                raise StorageError("a run has just used it")
            path = path.rename(root / f"{_REMOVED}{item.name}-{secrets.token_hex(4)}")
    shutil.rmtree(path)
