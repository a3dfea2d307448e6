"""AMMeBa: images that fact-checkers annotated, downloaded from where they were, split by time.

``path`` holds stage_2.csv, image_metadata.csv and fact_checks.csv (a folder or a zip), or names
them on Hugging Face. The csv files hold no images: these are downloaded once into the state folder,
held against the hashes that were published with them, and what does not come is `Rejected` under
one of `assay.ammeba.labels.Dropped`. Docs: decision 0089.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from assay import home, hub, images
from assay.ammeba.entries import Entry, EntrySettings, entries
from assay.ammeba.files import FILES, opened
from assay.ammeba.labels import Dropped
from assay.ammeba.pictures import MOST_DISTANCE, another_picture
from assay.ammeba.tables import ImageFacts
from assay.difference_masks import difference_mask
from assay.downloading import Downloaded, Downloads, DownloadSettings, NotDownloaded, Wanted
from assay.errors import DataError
from assay.parallel import parallel_map
from assay.records import Pixels, Rejected, Sample
from assay.sources import Source
from assay.sources.files import read_file, state
from assay.storage import shared_storage

_File = tuple[Path, str]
"""Folder and name of an image that is there already."""

LICENCE = "Not stated by AMMeBa, whose annotations are CC BY 4.0"


class Ammeba(EntrySettings, Source):
    """AMMeBa; its methods raise `SchemaViolation` where a csv file or a column is missing."""

    name: ClassVar[str] = "ammeba"

    path: hub.FolderOrFile
    """Folder or zip with the csv files, or ``hf:academic-datasets/AMMeBa@REVISION``."""
    local_images: str = "images"
    """Sub-folder of ``path`` with images that are there already, named after their image_id."""
    most_hash_distance: float = Field(MOST_DISTANCE, ge=0, lt=0.5)
    """Share of a published hash's bits in which a download may differ from it."""
    download: DownloadSettings = DownloadSettings()
    repetition: int = Field(0, ge=0)
    """Raise it to build anew with what the links give by now."""
    workers: int | None = Field(None, ge=1)
    """Processes that check the images; None takes one a core. The result does not depend on it."""

    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield what has a link or a file, in the order of a hash of the groups; then the others.

        So any prefix is a fair sample. ``since`` is about the review.
        """
        place = hub.folder(self.path, FILES)
        found, rejected = entries(place, self)
        chosen = [entry for entry in found if since is None or entry.published_at > since]
        chosen.sort(key=lambda entry: hashlib.sha256(entry.group.encode()).digest())
        here = self._images_in(place)
        reachable = [e for e in chosen if e.facts.url or e.image_id in here]
        work = _Pictures(self.download, here).of(reachable)
        checked = partial(_checked, most_distance=self.most_hash_distance)
        yield from parallel_map(checked, work, self.workers)
        yield from rejected
        lost = {entry.image_id for entry in chosen} - {entry.image_id for entry in reachable}
        reason = Dropped.NO_URL.because("nobody noted where the image was")
        yield from (Rejected(image_id, reason) for image_id in sorted(lost))

    def fingerprint(self) -> str:
        """A hash of the csv files, of these options, and of the names and sizes of local images.

        Not of what the links give: a dataset that was built stays as it was until ``repetition``
        asks for another, and one that was interrupted goes on.
        """
        place = hub.folder(self.path, FILES)
        options = self.model_dump_json(exclude={"path", "download", "workers"})
        digest = hashlib.sha256(options.encode())
        for name in FILES:
            with opened(place, name) as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        for folder, file in sorted(self._images_in(place).values()):
            digest.update(f"{file} {state(folder / file)}\n".encode())
        return digest.hexdigest()

    def _images_in(self, place: Path) -> dict[str, _File]:
        """Files by image_id."""
        folder = place / self.local_images
        if not self.local_images or not folder.is_dir():
            return {}
        return {f.stem: (folder, f.name) for f in sorted(folder.iterdir()) if f.is_file()}


@dataclass(frozen=True, slots=True)
class _Unit:
    """One image to check, and the original beside it where that came; or why there is none."""

    entry: Entry
    image: bytes | str
    """The bytes; text is the reason of a rejection."""
    original: bytes = b""
    original_facts: ImageFacts | None = None


class _Pictures:
    """Images by entry: files that are here, and downloads."""

    def __init__(self, settings: DownloadSettings, here: Mapping[str, _File]) -> None:
        folder = home.folder("downloads")
        self._downloads = Downloads(folder, shared_storage("downloads", folder))
        self._settings = settings
        self._here = here
        self._came: dict[str, tuple[Entry, _File | str]] = {}
        """Where the image of an original is, a file or a digest; its edits come after it."""

    def of(self, chosen: Sequence[Entry]) -> Iterator[_Unit]:
        """A unit of work for each entry, in order; originals come before their edits."""
        wanted = (_wanted(entry) for entry in chosen if entry.image_id not in self._here)
        outcomes = self._downloads.fetch(wanted, self._settings)
        originals = {entry.original for entry in chosen if entry.original}
        for entry in chosen:
            found = self._here.get(entry.image_id) or _where(next(outcomes))
            if isinstance(found, NotDownloaded):
                yield _Unit(entry, Dropped[found.refusal.name].because(found.reason))
                continue
            if entry.image_id in originals:
                self._came[entry.image_id] = entry, found
            yield self._unit(entry, found)

    def _unit(self, entry: Entry, found: _File | str) -> _Unit:
        try:
            image = self._read(found)
            if entry.original in self._came:
                original, where = self._came[entry.original]
                return _Unit(entry, image, self._read(where), original.facts)
        except (DataError, OSError) as error:
            return _Unit(entry, Dropped.UNREADABLE.because(str(error)))
        return _Unit(entry, image)

    def _read(self, found: _File | str) -> bytes:
        return self._downloads.read(found) if isinstance(found, str) else read_file(*found)


def _wanted(entry: Entry) -> Wanted:
    return Wanted(entry.facts.url, entry.facts.bytes, entry.facts.media_type)


def _where(outcome: Downloaded | NotDownloaded) -> str | NotDownloaded:
    return outcome.digest if isinstance(outcome, Downloaded) else outcome


def _checked(unit: _Unit, most_distance: float) -> Sample | Rejected:
    """The sample of a unit; runs in a process of its own, as decoding and alignment take long."""
    entry = unit.entry
    if isinstance(unit.image, str):
        return Rejected(entry.image_id, unit.image)
    try:
        pixels = images.decode(unit.image).pixels
    except DataError as error:
        return Rejected(entry.image_id, Dropped.UNREADABLE.because(str(error)))
    if reason := another_picture(pixels, entry.facts, most_distance):
        return Rejected(entry.image_id, reason)
    original = _original(unit, most_distance)
    mask = None if original is None else difference_mask(pixels, original)
    return Sample(
        image_id=entry.image_id,
        image=unit.image,
        label=entry.judged.label,
        manipulation=entry.judged.manipulation,
        mask=b"" if mask is None else images.encode_mask(mask),
        source=Ammeba.name,
        dataset=Ammeba.name,
        group=f"{Ammeba.name}/{entry.group}",
        split=entry.split,
        licence=LICENCE,
        published_at=entry.published_at,
        context=entry.judged.context,
        fact_check=entry.fact_check,
        original="" if original is None else entry.original,
        url=entry.facts.url,
    )


def _original(unit: _Unit, most_distance: float) -> Pixels | None:
    """The pixels before the edit; None where they did not come, or others did."""
    if unit.original_facts is None:
        return None
    try:
        pixels = images.decode(unit.original).pixels
    except DataError:
        return None
    return None if another_picture(pixels, unit.original_facts, most_distance) else pixels
