"""Where a labelled image may go: beside its near-duplicates, or nowhere; and what is held out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from assay import images
from assay.duplicates import MIN_QUALITY, PerceptualHash, perceptual_hash
from assay.hash_index import HashIndex
from assay.parallel import parallel_map
from assay.records import Label, Split

if TYPE_CHECKING:
    from assay.dataset import Dataset

_HASH_BYTES = 32
_BATCH = 32
_MOST_HELD_OUT = 0.5


@dataclass(frozen=True, slots=True)
class Older:
    """A row of the older dataset, as far as it decides where others may go."""

    image_id: str
    label: Label
    group: str
    split: Split
    """As it will be learned from: a newest window of before is released to training."""
    source: str


class OlderImages:
    """The rows of the older dataset by pixels and by perceptual hash."""

    def __init__(self, rows: Iterable[tuple[Older, PerceptualHash]]) -> None:
        self.rows: dict[str, Older] = {}
        self._by_pixels: dict[bytes, list[Older]] = defaultdict(list)
        self._index = HashIndex()
        for row, picture in rows:
            self.rows[row.image_id] = row
            self._by_pixels[picture.digest].append(row)
            self._index.add(row.image_id, picture)

    def equal(self, picture: PerceptualHash) -> Sequence[Older]:
        """The rows with exactly these pixels."""
        return self._by_pixels.get(picture.digest, ())

    def near(self, picture: PerceptualHash) -> list[Older]:
        """The rows that show the same picture, pixel-equal ones included."""
        near = [self.rows[name] for name, _ in self._index.near(picture)]
        return [*near, *(row for row in self.equal(picture) if row not in near)]


def older_images(base: Dataset, dropped: Collection[str], workers: int | None) -> OlderImages:
    """Hash every image of ``base`` that is not ``dropped``, on all cores."""
    rows = (
        (Older(row.image_id, row.label, row.group, _released(row.split), row.source), row.image)
        for row in base.samples()
        if row.image_id not in dropped
    )
    batches = iter(lambda: list(islice(rows, _BATCH)), [])
    hashed = parallel_map(_hashed, batches, workers)
    return OlderImages(pair for batch in hashed for pair in batch)


def picture_of(pixel_digest: str, pdq: str) -> PerceptualHash:
    """A capture's hashes, in hex, as those of an image; one without ``pdq`` was too flat."""
    bits = bytes.fromhex(pdq) if pdq else bytes(_HASH_BYTES)
    return PerceptualHash(bits, MIN_QUALITY if pdq else 0, bytes.fromhex(pixel_digest))


@dataclass(frozen=True, slots=True)
class Dated:
    """When an image was first seen, and on which side of the verdict people put it."""

    group: str
    seen_at: datetime
    is_authentic: bool


def newest_groups(images: Sequence[Dated], share: float) -> set[str]:
    """Every second group of those that were first seen last, up to ``share`` of all ``images``.

    Which of them is drawn by a hash: what is new has to be learned from as well as judged on. A
    group is new as a whole or not at all: what was seen before the window is none of its news.
    Where the window lacks a side of the verdict, other groups with it join, up to half of all.
    """
    members: dict[str, list[Dated]] = defaultdict(list)
    for image in images:
        members[image.group].append(image)
    first_seen = {group: min(one.seen_at for one in own) for group, own in members.items()}
    newest = sorted(members, key=lambda group: (first_seen[group], group), reverse=True)
    window = _Window()
    most = share * len(images)
    fitting = [group for group in newest if len(members[group]) <= most]
    for group in sorted(_first_images(fitting, members, 2 * most), key=_drawn):
        window.add(group, members[group], most)
    for group in newest if share else ():
        if {one.is_authentic for one in members[group]} - window.sides and window.sides:
            window.add(group, members[group], max(share, _MOST_HELD_OUT) * len(images))
    return window.groups


def _first_images(
    groups: Sequence[str], members: Mapping[str, Sequence[Dated]], count: float
) -> list[str]:
    """The first ``groups`` that hold ``count`` images together."""
    sizes = accumulate(len(members[group]) for group in groups)
    return [group for group, size in zip(groups, sizes, strict=True) if size <= count]


def _drawn(group: str) -> bytes:
    return hashlib.sha256(f"newest {group}".encode()).digest()


@dataclass(slots=True)
class _Window:
    """What is held out so far."""

    groups: set[str] = field(default_factory=set)
    sides: set[bool] = field(default_factory=set)
    images: int = 0

    def add(self, group: str, members: Sequence[Dated], most: float) -> None:
        """Hold ``group`` out too, if there is room for ``most`` images."""
        if group not in self.groups and self.images + len(members) <= most:
            self.groups.add(group)
            self.sides |= {one.is_authentic for one in members}
            self.images += len(members)


def drawn_split(group: str, validation_share: float) -> Split:
    """Training or validation, the same for a group at every intake."""
    digest = hashlib.sha256(f"validation/{group}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") / 2**64
    return Split.VALIDATION if drawn < validation_share else Split.TRAIN


def _released(split: Split | None) -> Split:
    return Split.TRAIN if split in (None, Split.NEWEST) else split


def _hashed(rows: Sequence[tuple[Older, bytes]]) -> list[tuple[Older, PerceptualHash]]:
    return [(row, perceptual_hash(images.decode(data).pixels)) for row, data in rows]
