"""Which stored pictures have a near perceptual hash, while pictures keep coming in."""

from __future__ import annotations

import threading
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from assay.duplicates import PerceptualHash
from assay.near_hashes import MAX_DISTANCE

SIBLING_DISTANCE = 75
"""Bits within which to look for siblings, which pixels then confirm: 95 % of real edits lie as near
to their original (within `MAX_DISTANCE` only 38 %), and no two unrelated photographs of 468
(docs/decisions/0060-siblings.md). A mirrored copy has another hash: ask for both."""

_BITS = 256


class HashIndex:
    """PDQ hashes by id; grows at its end, exact in every answer, safe among threads.

    Compares with every hash (faiss, popcount): 170 bytes a hash, most of them for its id, and a
    nanosecond a hash and query. Pictures too flat for a hash that means anything are neither kept
    nor found.
    """

    def __init__(self) -> None:
        import faiss

        self._hashes = faiss.IndexBinaryFlat(_BITS)
        self._ids: list[str] = []
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, picture: str, hashed: PerceptualHash) -> bool:
        """Keep a hash under an id; False when it is too flat, or the id is known already."""
        if not hashed.is_meaningful:
            return False
        with self._lock:
            if picture in self._known:
                return False
            self._hashes.add(_code(hashed))
            self._ids.append(picture)
            self._known.add(picture)
        return True

    def discard(self, pictures: Collection[str]) -> None:
        """Forget what these ids stand for, where they are known; walks through all ids."""
        with self._lock:
            gone = self._known.intersection(pictures)
            if not gone:
                return
            places = [place for place, picture in enumerate(self._ids) if picture in gone]
            self._hashes.remove_ids(np.array(places, np.int64))
            self._ids = [picture for picture in self._ids if picture not in gone]
            self._known -= gone

    def near(
        self, hashed: PerceptualHash, distance: int = MAX_DISTANCE, limit: int | None = None
    ) -> list[tuple[str, int]]:
        """Ids and distances in bits of the hashes within ``distance``, the nearest first.

        Among equals the one added first leads. With a ``limit``, at most so many: the nearest, and
        as the last one whichever was added first of all, should it not be among them. Empty for a
        picture too flat to be matched.
        """
        if not hashed.is_meaningful:
            return []
        with self._lock:
            # The radius of faiss is exclusive.
            _, distances, places = self._hashes.range_search(_code(hashed), distance + 1)
            order = _chosen(distances, places, limit)
            return [(self._ids[places[i]], int(distances[i])) for i in order]


def _chosen(
    distances: npt.NDArray[np.int32], places: npt.NDArray[np.int64], limit: int | None
) -> npt.NDArray[np.int64]:
    """Where in the two arrays the answers stand, in their order."""
    order = np.lexsort((places, distances))
    if limit is None or len(order) <= limit:
        return order
    first = int(places.argmin())
    return order[:limit] if first in order[:limit] else np.append(order[: limit - 1], first)


def _code(hashed: PerceptualHash) -> npt.NDArray[np.uint8]:
    return np.frombuffer(hashed.bits, np.uint8)[None]
