"""Rows with hashes near a given one, looked up by the words of sixteen bits that the two share.

As in `assay.near_hashes`: within `MAX_DISTANCE` bits one of the words is equal but for one bit, so
the answers are exact. A query looks at some thousands of a million hashes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.near_hashes import FLIPS, MAX_DISTANCE, WORDS, Codes, Indices

_WORTH_IT = 1 / 16
"""Share of all rows beyond which comparing with every row is faster."""


class WordIndex:
    """Hashes ``[n, 32]`` sorted by each of their words; 90 bytes a hash, never changed."""

    def __init__(self, codes: Codes) -> None:
        self._codes = np.ascontiguousarray(codes).view(np.uint64)
        words = np.ascontiguousarray(codes).view(np.uint16).T
        order = np.argsort(words, axis=1, kind="stable")
        keys = np.arange(WORDS + 1)
        bounds = [np.searchsorted(word[o], keys) for word, o in zip(words, order, strict=True)]
        self._order = order.astype(np.int32).ravel()
        self._bounds = np.array(bounds) + len(codes) * np.arange(len(words))[:, None]

    def __len__(self) -> int:
        return len(self._codes)

    def near(self, code: Codes) -> tuple[Indices, npt.NDArray[np.int32]] | None:
        """Rows within `MAX_DISTANCE` of ``code`` ``[32]`` in rising order, and their distances.

        None where so many share a word with it that looking at all of them is faster.
        """
        words = code.view(np.uint16)[:, None].astype(np.int64) ^ np.array(FLIPS)
        places = np.arange(len(words))[:, None]
        starts, ends = self._bounds[places, words].ravel(), self._bounds[places, words + 1].ravel()
        counts = ends - starts
        if counts.sum() > _WORTH_IT * len(self):
            return None
        before = np.repeat(starts - (np.cumsum(counts) - counts), counts)
        rows = self._order[before + np.arange(before.size)]
        differing = np.bitwise_count(self._codes[rows] ^ code.view(np.uint64))
        bits = differing.sum(axis=1, dtype=np.int32)
        is_near = bits <= MAX_DISTANCE
        found, first = np.unique(rows[is_near], return_index=True)
        return found.astype(np.int64), bits[is_near][first]
