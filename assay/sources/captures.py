"""What a model was trained on, and what people labelled of its traffic since.

`assay.label_intake` decides what is taken and writes it: a folder with `LISTING` and, below `ROWS`,
Parquet shards of samples. The rows of the older dataset keep their groups and splits, so that its
test split stays as it is; its newest labelled window, which is not the newest any more, joins what
is learned from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, DirectoryPath, ValidationError

from assay.errors import SchemaViolation
from assay.records import Rejected, Sample, Split, sample_schema
from assay.sample_shards import read_batches, to_sample
from assay.settings import Settings, at_home
from assay.sources import Source

LISTING = "labels.json"
ROWS = "rows"

_BASE_MANIFEST = "dataset.json"
_BATCH_ROWS = 32


class Listing(Settings):
    """What lies in a folder of labelled captures, and which dataset it continues."""

    base: str
    """Version of the older dataset."""
    dropped: tuple[str, ...] = ()
    """Its rows that must not be learned from again: deleted since, or labelled otherwise."""
    rows: tuple[str, ...] = ()
    """SHA-256 of each sample's row, in order."""


class Captures(Source):
    """A dataset with the labelled captures that were taken in after it.

    Raises `SchemaViolation` for a folder without a listing, or one that continues another dataset.
    """

    name: ClassVar[str] = "captures"
    is_settled: ClassVar[bool] = True

    base: Annotated[DirectoryPath, BeforeValidator(at_home)]
    """Folder of the older dataset."""
    labels: Annotated[DirectoryPath, BeforeValidator(at_home)]
    """Folder that an intake of labels wrote."""

    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield the older rows, then the captures (only those served after ``since``, if given)."""
        listing = self._listing()
        dropped = set(listing.dropped)
        for sample in _samples(self.base):
            if sample.image_id not in dropped:
                yield _learned_from(sample)
        for sample in _samples(self.labels / ROWS):
            if since is None or sample.published_at > since:
                yield sample

    def fingerprint(self) -> str:
        """A hash of both listings, which hold the hashes of all rows."""
        return hashlib.sha256(self._listing().model_dump_json().encode()).hexdigest()

    def _listing(self) -> Listing:
        path = self.labels / LISTING
        try:
            listing = Listing.model_validate_json(path.read_bytes())
            base = json.loads((self.base / _BASE_MANIFEST).read_bytes())["version"]
        except (OSError, ValidationError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise SchemaViolation(
                f"{self.labels} continues no dataset in {self.base} ({reason}); take the labels "
                "in again"
            ) from error
        if listing.base != base:
            raise SchemaViolation(
                f"{self.labels} continues dataset {listing.base}, but {self.base} holds {base}; "
                "take the labels in again"
            )
        return listing


def _samples(folder: Path) -> Iterator[Sample]:
    for batch in read_batches(folder, sample_schema().names, None, _BATCH_ROWS):
        yield from map(to_sample, batch.to_pylist())


def _learned_from(sample: Sample) -> Sample:
    """An older row, of which an earlier newest window is released to training."""
    return replace(sample, split=Split.TRAIN) if sample.split is Split.NEWEST else sample
