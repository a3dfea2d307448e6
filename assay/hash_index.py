"""Which stored pictures have a near perceptual hash, while pictures keep coming in."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.duplicates import PerceptualHash
from assay.near_hashes import MAX_DISTANCE, Codes, Indices
from assay.word_index import WordIndex

SIBLING_DISTANCE = 75
"""Bits within which to look for siblings, which pixels then confirm: 95 % of real edits lie as near
to their original (within `MAX_DISTANCE` only 38 %), and no two unrelated photographs of 468
(docs/decisions/0060-siblings.md). A mirrored copy has another hash: ask for both."""

_BITS = 256
_MANY = 50_000
"""Hashes from which on words are worth their memory."""
_LATE = 10
"""The late ones are at most this part of the others."""

_Found = tuple[npt.NDArray[np.int32], Indices]


class HashIndex:
    """PDQ hashes by id; grows at its end, exact in every answer, safe among threads.

    Compares with every hash (faiss, popcount): 170 bytes a hash, most of them for its id, and some
    nanoseconds a hash and query. Among many, what lies within `MAX_DISTANCE` is looked up by words
    instead (`assay.word_index`), once somebody asks for it. Pictures too flat for a hash that means
    anything are neither kept nor found.
    """

    def __init__(self) -> None:
        import faiss

        self._hashes: Any = faiss.IndexBinaryFlat(_BITS)
        self._late = faiss.IndexBinaryFlat(_BITS)
        """Those that were added since `_words` was made."""
        self._words: WordIndex | None = None
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
            if self._words is not None:
                self._late.add(_code(hashed))
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
            self._words = None
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
            distances, places = self._within(_code(hashed), distance)
            order = _chosen(distances, places, limit)
            return [(self._ids[places[i]], int(distances[i])) for i in order]

    def _within(self, code: Codes, distance: int) -> _Found:
        """Distances and places of the hashes near ``code`` ``[1, 32]``."""
        if distance <= MAX_DISTANCE and len(self) >= _MANY:
            words = self._current()
            if (found := words.near(code[0])) is not None:
                late, places = _flat(self._late, code, MAX_DISTANCE)
                distances = np.concatenate([found[1], late])
                near = distances <= distance
                return distances[near], np.concatenate([found[0], places + len(words)])[near]
        return _flat(self._hashes, code, distance)

    def _current(self) -> WordIndex:
        """All hashes but the latest by their words; made anew when those become many."""
        import faiss

        if self._words is None or self._late.ntotal * _LATE > len(self._words):
            codes = faiss.vector_to_array(self._hashes.xb).reshape(-1, _BITS // 8)
            self._words = WordIndex(codes)
            self._late.reset()
        return self._words


def _flat(index: Any, code: Codes, distance: int) -> _Found:
    # The radius of faiss is exclusive.
    _, distances, places = index.range_search(code, distance + 1)
    return distances, places


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
