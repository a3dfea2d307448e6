"""Your own images: a directory with a manifest, or with sub-folders named after the labels.

A manifest is ``manifest.csv``, ``manifest.jsonl`` or ``manifest.parquet`` with one row an image and
the columns ``file`` and ``label``; optional are ``kind`` (the manipulation), ``mask``, ``split``,
``group``, ``dataset``, ``licence`` (or ``licence_or_terms``) and ``caption``. Without a manifest
the folders ``authentic``, ``manipulated`` and ``synthesized`` label what they hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from assay import hub
from assay.errors import DataError, SchemaViolation, did_you_mean
from assay.records import Rejected, Sample
from assay.sources import Source, manifests
from assay.sources.files import place, read_file, state
from assay.sources.manifests import LABELS, Entry


class Folder(Source):
    """A labelled directory; its methods raise `SchemaViolation` where it is not labelled well."""

    name: ClassVar[str] = "folder"

    path: hub.Folder
    """The directory; ``~`` is the user's home. Or the name of a dataset (`assay.hub`)."""
    manifest: str = ""
    """Name of the manifest; empty takes the one that is there, else the label sub-folders."""

    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield the listed images, bytes untouched, in the order of a hash of their names.

        So any prefix is a fair sample of the folder. ``since`` is ignored: no row has a date. A
        missing file and a faulty row are `Rejected`; a malformed manifest raises before anything
        is yielded.
        """
        for row in self._rows():
            yield row if isinstance(row, Rejected) else self._sample(row)

    def fingerprint(self) -> str:
        """A hash of the manifest, and of the name, size and time of each file it lists."""
        digest = hashlib.sha256(hub.title(self.path).encode())
        manifest = self._manifest()
        if manifest is not None:
            digest.update(manifest.read_bytes())
        for entry in self.entries():
            for file in filter(None, (entry.file, entry.mask)):
                digest.update(f"{file}\0{state(self._folder / file)}\0".encode())
        return digest.hexdigest()

    def entries(self) -> list[Entry]:
        """The rows without a fault, in the order of `fetch`."""
        return [row for row in self._rows() if isinstance(row, Entry)]

    @property
    def _folder(self) -> Path:
        return hub.folder(self.path)

    def _rows(self) -> list[Entry | Rejected]:
        manifest = self._manifest()
        if manifest is None:
            return sorted(map(_checked, _by_folder(self._folder)), key=_place)
        return sorted(manifests.read(self._folder, manifest), key=_place)

    def _manifest(self) -> Path | None:
        names = [self.manifest] if self.manifest else [f"manifest{s}" for s in manifests.READERS]
        found = [self._folder / name for name in names if (self._folder / name).is_file()]
        if self.manifest and not found:
            raise SchemaViolation(f"{self._folder} holds no {self.manifest}; correct its name")
        return found[0] if found else None

    def _sample(self, entry: Entry) -> Sample | Rejected:
        try:
            image = read_file(self._folder, entry.file)
            mask = read_file(self._folder, entry.mask) if entry.mask else b""
        except (DataError, OSError) as error:
            where = f"{entry.where}: " if entry.where else ""
            return Rejected(entry.file, f"unreadable: {where}{error}")
        return Sample(
            image_id=entry.file,
            image=image,
            label=entry.label,
            manipulation=entry.kind,
            mask=mask,
            source=self.name,
            dataset=entry.dataset or hub.title(self.path),
            group=entry.group,
            split=entry.split,
            licence=entry.licence,
            caption=entry.caption,
        )


def _place(row: Entry | Rejected) -> bytes:
    return place(row.image_id if isinstance(row, Rejected) else row.file)


def _by_folder(folder: Path) -> list[Entry]:
    """Entries of the files below the label sub-folders, without hidden files and folders."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    misspelt = [name for name in names if name not in LABELS and did_you_mean(name, LABELS)]
    if misspelt or LABELS.keys().isdisjoint(names):
        found = ", ".join(f"{name!r}{did_you_mean(name, LABELS)}" for name in misspelt or names)
        raise SchemaViolation(
            f"{folder} holds no manifest ({', '.join(manifests.READERS)}), and its sub-folders "
            f"are not named after the labels {', '.join(LABELS)}: found {found or 'none'}"
        )
    return [
        Entry(manifests.check_inside(folder, path.relative_to(folder).as_posix(), name), label)
        for name, label in LABELS.items()
        for path in sorted((folder / name).rglob("[!.]*"))
        if path.is_file() and not _is_hidden(path.relative_to(folder))
    ]


def _checked(entry: Entry) -> Entry | Rejected:
    if manifests.is_showable(entry.file):
        return entry
    return Rejected(ascii(entry.file), "faulty row: its name holds control characters; rename it")


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
