"""Which stored pictures have a near perceptual hash, while pictures keep coming in."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from assay.duplicates import MAX_DISTANCE, PerceptualHash

SIBLING_DISTANCE = 75
"""Bits within which to look for siblings, which pixels then confirm: 95 % of real edits lie as near
to their original (within `MAX_DISTANCE` only 38 %), and no two unrelated photographs of 468
(docs/decisions/0060-siblings.md). A mirrored copy has another hash: ask for both."""

_BITS = 256


class HashIndex:
    """PDQ hashes by id; grows at its end, exact in every answer, safe among threads.

    Compares with every hash (faiss, popcount): 32 bytes a hash, a nanosecond a hash and query.
    Pictures too flat for a hash that means anything are neither kept nor found.
    """

    def __init__(self) -> None:
        import faiss

        self._hashes = faiss.IndexBinaryFlat(_BITS)
        self._ids: list[str] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, picture: str, hashed: PerceptualHash) -> bool:
        """Keep a hash under an id; False when it is too flat to be kept.

        Ids are not checked: one added twice is found twice.
        """
        if not hashed.is_meaningful:
            return False
        with self._lock:
            self._hashes.add(_code(hashed))
            self._ids.append(picture)
        return True

    def near(self, hashed: PerceptualHash, distance: int = MAX_DISTANCE) -> list[tuple[str, int]]:
        """Ids and distances in bits of all hashes within ``distance``, the nearest first.

        Among equals the one added first leads. Empty for a picture too flat to be matched.
        """
        if not hashed.is_meaningful:
            return []
        with self._lock:
            # The radius of faiss is exclusive.
            _, distances, places = self._hashes.range_search(_code(hashed), distance + 1)
        order = np.lexsort((places, distances))
        return [(self._ids[places[i]], int(distances[i])) for i in order]


def _code(hashed: PerceptualHash) -> npt.NDArray[np.uint8]:
    return np.frombuffer(hashed.bits, np.uint8)[None]
