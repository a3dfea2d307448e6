"""CIFAKE: photographs of CIFAR-10 and what Stable Diffusion made in their manner, 32 x 32 pixels.

Bird and Lotfi 2024, "CIFAKE: Image Classification and Explainable Identification of AI-Generated
Synthetic Images". The folders are read as they come: train/REAL, train/FAKE, test/REAL, test/FAKE.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from assay import hub
from assay.errors import DataError, SchemaViolation
from assay.records import Label, Rejected, Sample, Split
from assay.sources import Source
from assay.sources.files import place, read_file, state
from assay.sources.manifests import is_showable

SPLITS = {"train": Split.TRAIN, "test": Split.TEST}
LABELS = {"REAL": Label.AUTHENTIC, "FAKE": Label.SYNTHESIZED}
GENERATOR = "stable_diffusion"


class _File(NamedTuple):
    name: str
    """Below the folder, with slashes."""
    split: Split
    label: Label


class Cifake(Source):
    """CIFAKE's folders; its methods raise `SchemaViolation` where one is missing."""

    name: ClassVar[str] = "cifake"

    path: hub.Folder
    """The folder that holds ``train`` and ``test``, or the name of a dataset (`assay.hub`)."""

    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield the images, bytes untouched, in the order of a hash of their names.

        So any prefix is a fair sample. ``since`` is ignored: nothing has a date.
        """
        folder = hub.folder(self.path)
        for file in sorted(_files(folder), key=lambda file: place(file.name)):
            yield _sample(folder, file)

    def fingerprint(self) -> str:
        """A hash of the name, size and time of each file."""
        folder = hub.folder(self.path)
        digest = hashlib.sha256()
        for file in _files(folder):
            digest.update(f"{file.name}\0{state(folder / file.name)}\0".encode())
        return digest.hexdigest()


def _files(folder: Path) -> list[_File]:
    """All images by name, hidden ones left out."""
    parts = [(split, label, folder / split / label) for split in SPLITS for label in LABELS]
    if missing := [f"{split}/{label}" for split, label, path in parts if not path.is_dir()]:
        raise SchemaViolation(
            f"{folder} holds no {', '.join(missing)}; give the folder that holds train and test"
        )
    return [
        _File(path.relative_to(folder).as_posix(), SPLITS[split], LABELS[label])
        for split, label, part in parts
        for path in sorted(part.glob("[!.]*"))
        if path.is_file()
    ]


def _sample(folder: Path, file: _File) -> Sample | Rejected:
    if not is_showable(file.name):
        return Rejected(
            ascii(file.name), "faulty row: its name holds control characters; rename it"
        )
    try:
        image = read_file(folder, file.name)
    except (DataError, OSError) as error:
        return Rejected(file.name, f"unreadable: {error}")
    return Sample(
        image_id=file.name,
        image=image,
        label=file.label,
        manipulation=GENERATOR if file.label is Label.SYNTHESIZED else "",
        source=Cifake.name,
        dataset=Cifake.name,
        split=file.split,
    )
