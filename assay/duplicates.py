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
import numpy.typing as npt

from assay.pdq import pdq
from assay.records import Pixels

MAX_DISTANCE = 31
"""Bits of 256 in which PDQ hashes of one picture differ at most (Meta, The TMK+PDQF Algorithms)."""
MIN_QUALITY = 50
"""PDQ quality, 0..100, below which an image is too flat for its hash to mean anything."""

_HASH_BITS = 256
_HASHED_SIDE = 512
_QUERIES = 64


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

    Images are joined when they have the same given group, the same pixels, or hashes of enough
    quality within `MAX_DISTANCE`, and so are the images joined to those. The joined group has the
    smallest of the given names, so the result does not depend on the order of the images.
    """
    if not hashes:
        return []
    labels = _joined(np.arange(len(groups)), _equal(groups))
    labels = _joined(labels, _equal([image.digest for image in hashes]))
    labels = _joined_by_hash(labels, hashes)
    smallest: dict[int, str] = {}
    for label, name in zip(labels.tolist(), groups, strict=True):
        smallest[label] = min(name, smallest.get(label, name))
    return [smallest[label] for label in labels.tolist()]


def components(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """A number for each of ``count`` items; the same for those that ``pairs`` connect."""
    if not pairs:
        return list(range(count))
    left, right = np.array(pairs, dtype=np.int64).T
    return [int(label) for label in _joined(np.arange(count), (left, right))]


_Indices = npt.NDArray[np.int64]
_Pairs = tuple[_Indices, _Indices]


def _reduced(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    size = min(width, _HASHED_SIDE), min(height, _HASHED_SIDE)
    reduced = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return reduced.astype(np.uint8, copy=False)


def _equal(keys: Sequence[Hashable]) -> _Pairs:
    """Each position paired with the first one that holds an equal key."""
    first: dict[Hashable, int] = {}
    origins = [first.setdefault(key, index) for index, key in enumerate(keys)]
    return np.array(origins, dtype=np.int64), np.arange(len(origins), dtype=np.int64)


def _joined(labels: _Indices, pairs: _Pairs) -> _Indices:
    """Component labels ``[n]`` after also joining the images of ``pairs`` (union-find)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = labels[pairs[0]], labels[pairs[1]]
    left, right = left[left != right], right[left != right]
    if not left.size:
        return labels
    size = int(labels.max()) + 1
    graph = coo_array((np.ones(left.size, dtype=np.bool_), (left, right)), shape=(size, size))
    components = connected_components(graph, directed=False)[1]
    return np.asarray(components[labels], dtype=np.int64)


def _joined_by_hash(labels: _Indices, hashes: Sequence[PerceptualHash]) -> _Indices:
    """Join near hashes, a block of queries at a time so that many neighbours cost no memory."""
    import faiss

    usable = np.flatnonzero([image.quality >= MIN_QUALITY for image in hashes])
    if not usable.size:
        return labels
    codes = np.frombuffer(b"".join(image.bits for image in hashes), dtype=np.uint8)
    codes = codes.reshape(len(hashes), -1)[usable]
    index = faiss.IndexBinaryFlat(_HASH_BITS)
    index.add(codes)
    for start in range(0, len(codes), _QUERIES):
        # The radius of faiss is exclusive.
        block = codes[start : start + _QUERIES]
        limits, _, neighbours = index.range_search(block, MAX_DISTANCE + 1)
        counts = (limits[1:] - limits[:-1]).astype(np.int64)
        queries = np.repeat(np.arange(start, start + len(block)), counts)
        labels = _joined(labels, (usable[queries], usable[neighbours]))
    return labels
