"""Near-duplicates: perceptual hashes, their index, and groups that must stay in one split.

Crops and re-saves of one photograph in training and test would let a detector recognise pictures
instead of judging them. Being near is a reason to share a group, never to share a label.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from assay.near_hashes import Indices, Pairs, joined, joined_by_hash
from assay.pdq import pdq
from assay.records import Pixels

MIN_QUALITY = 50
"""PDQ quality, 0..100, below which an image is too flat for its hash to mean anything."""

_HASHED_SIDE = 512


@dataclass(frozen=True, slots=True)
class PerceptualHash:
    """What two images of one picture have in common."""

    bits: bytes
    """The PDQ hash, 32 bytes."""
    quality: int
    """PDQ's own measure of the image's structure, 0..100."""
    digest: bytes
    """SHA-256 of size and pixels; equal only for pixel-equal images."""

    @property
    def is_meaningful(self) -> bool:
        """Whether the image has enough structure for its hash to tell it from others."""
        return self.quality >= MIN_QUALITY


def perceptual_hash(pixels: Pixels) -> PerceptualHash:
    """Hash decoded RGB pixels ``[h, w, 3]``, at most `_HASHED_SIDE` a side as PDQ's authors do."""
    bits, quality = pdq(_reduced(pixels))
    return PerceptualHash(bits, quality, pixel_digest(pixels))


def pixel_digest(pixels: Pixels) -> bytes:
    """SHA-256 of the size and the values of ``[h, w, 3]``; equal only for pixel-equal images."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def merge_groups(hashes: Sequence[PerceptualHash], groups: Sequence[str]) -> list[str]:
    """Join the given groups wherever they share a picture; one name for each image, in order.

    Images are joined when they have the same given group, the same pixels, or near hashes of
    enough quality (`assay.near_hashes`), and so are the images joined to those. The joined group
    has the smallest of the given names, so the result does not depend on the order of the images.
    """
    if not hashes:
        return []
    labels = joined(np.arange(len(groups)), _equal(groups))
    labels = joined(labels, _equal([image.digest for image in hashes]))
    labels = _joined_near(labels, hashes)
    smallest: dict[int, str] = {}
    for label, name in zip(labels.tolist(), groups, strict=True):
        smallest[label] = min(name, smallest.get(label, name))
    return [smallest[label] for label in labels.tolist()]


def components(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """A number for each of ``count`` items; the same for those that ``pairs`` connect."""
    if not pairs:
        return list(range(count))
    left, right = np.array(pairs, dtype=np.int64).T
    return [int(label) for label in joined(np.arange(count), (left, right))]


def _reduced(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    size = min(width, _HASHED_SIDE), min(height, _HASHED_SIDE)
    reduced = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return reduced.astype(np.uint8, copy=False)


def _equal(keys: Sequence[Hashable]) -> Pairs:
    """Each position paired with the first one that holds an equal key."""
    first: dict[Hashable, int] = {}
    origins = [first.setdefault(key, index) for index, key in enumerate(keys)]
    return np.array(origins, dtype=np.int64), np.arange(len(origins), dtype=np.int64)


def _joined_near(labels: Indices, hashes: Sequence[PerceptualHash]) -> Indices:
    """Labels after also joining pictures with near hashes of enough quality."""
    usable = np.flatnonzero([image.is_meaningful for image in hashes])
    if not usable.size:
        return labels
    codes = np.frombuffer(b"".join(hashes[i].bits for i in usable.tolist()), np.uint8)
    found = joined_by_hash(np.arange(usable.size), codes.reshape(usable.size, -1))
    return joined(labels, (usable[found], usable))
