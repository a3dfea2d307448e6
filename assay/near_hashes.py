"""Joins hashes that are near each other, without comparing each with every other.

Two PDQ hashes within `MAX_DISTANCE` bits agree in one of sixteen words of 16 bits, or differ there
in one bit (31 = 2 x 16 - 1): only such pairs are compared, so that none is missed (Norouzi, Punjani
and Fleet, Fast Exact Search in Hamming Space with Multi-Index Hashing, 2014). Where so many share
words that this would take longer, all are compared with all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

MAX_DISTANCE = 31
"""Bits of 256 in which PDQ hashes of one picture differ at most (Meta, The TMK+PDQF Algorithms)."""

Indices = npt.NDArray[np.int64]
Pairs = tuple[Indices, Indices]
Codes = npt.NDArray[np.uint8]

_HASH_BITS, _WORD_BITS = 256, 16
WORDS = 1 << _WORD_BITS
FLIPS = (0, *(1 << bit for bit in range(_WORD_BITS)))
_PAIRS = 1 << 20
"""Pairs in memory at once, about 100 MB."""
_FEW = 4096
"""Hashes of which all are compared faster than sixty-four thousand words are counted."""
_PIVOTS, _MANY = 128, 0.02
"""Rows around which crowds are looked for, and the share of all rows that is one: most larger ones
are found, and smaller ones cost less than strangers do."""
_DEARER = 60
"""Times that a pair found by its words costs what it costs faiss, which compares all."""


def joined(labels: Indices, pairs: Pairs) -> Indices:
    """Labels ``[n]`` after also joining the items of ``pairs`` (union-find)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = labels[pairs[0]], labels[pairs[1]]
    left, right = left[left != right], right[left != right]
    if not left.size:
        return labels
    names = np.arange(labels.max() + 1)
    is_touched = np.zeros(names.size, np.bool_)
    is_touched[left] = is_touched[right] = True
    touched, places = np.flatnonzero(is_touched), np.cumsum(is_touched) - 1
    edges = np.ones(left.size, dtype=np.bool_), (places[left], places[right])
    graph = coo_array(edges, shape=(touched.size, touched.size))
    found = connected_components(graph, directed=False)[1]
    names[touched] = touched[np.unique(found, return_index=True)[1]][found]
    return names[labels]


def joined_by_hash(labels: Indices, codes: Codes) -> Indices:
    """Labels ``[n]`` after also joining items with near hashes ``[n, 32]``."""
    rows, places = _distinct(codes)
    labels = joined(labels, (places, np.arange(len(codes))))
    while (is_in := _crowd(codes[rows])).any():
        crowd, rows = rows[is_in], rows[~is_in]
        labels = joined(labels, (np.full(crowd.size, crowd[0]), crowd))
        for near in _near_of(codes[crowd], codes[rows]):
            labels = joined(labels, (crowd[near[0]], rows[near[1]]))
    distinct = codes[rows]
    pairs = _near_by_words(distinct) if _is_spread(distinct) else _near_of(distinct, distinct)
    for left, right in pairs:
        labels = joined(labels, (rows[left], rows[right]))
    return labels


def _distinct(codes: Codes) -> Pairs:
    """The first row of each distinct hash, and of each row the first that equals it."""
    whole = np.ascontiguousarray(codes).view(f"V{_HASH_BITS // 8}").ravel()
    _, rows, places = np.unique(whole, return_index=True, return_inverse=True)
    return rows, rows[places]


def _crowd(codes: Codes) -> npt.NDArray[np.bool_]:
    """Which of the rows are near one of them, if that is so for many; else none.

    Those belong together without being compared with each other: a picture that goes round has
    thousands of copies, and they have the square of that in pairs.
    """
    if len(codes) >= _FEW:
        for pivot in codes[:: len(codes) // _PIVOTS]:
            bits = np.bitwise_count(codes.view(np.uint64) ^ pivot.view(np.uint64))
            is_near: npt.NDArray[np.bool_] = bits.sum(axis=1, dtype=np.uint16) <= MAX_DISTANCE
            if is_near.mean() >= _MANY:
                return is_near
    return np.zeros(len(codes), np.bool_)


def _is_spread(codes: Codes) -> bool:
    """Whether so few pairs share a word, but for one bit, that looking words up is faster."""
    if len(codes) < _FEW:
        return False
    keys, pairs = np.arange(WORDS), 0.0
    for word in codes.view(np.uint16).T:
        sizes = np.bincount(word, minlength=WORDS).astype(np.float64)
        pairs += sum(float(sizes @ sizes[keys ^ flip]) for flip in FLIPS) / 2
    return pairs * _DEARER < len(codes) ** 2


def _near_by_words(codes: Codes) -> Iterator[Pairs]:
    """Pairs of near rows, each at least once and in one direction."""
    for word in codes.view(np.uint16).T:
        order = np.argsort(word, kind="stable")
        keys, sorted_codes = word[order].astype(np.int64), codes[order].view(np.uint64)
        bounds = np.searchsorted(keys, np.arange(WORDS + 1))
        for flip in FLIPS:
            for left, right in _sharing(keys, bounds, flip):
                near = _are_near(sorted_codes, left, right)
                yield order[left[near]], order[right[near]]


def _sharing(keys: Indices, bounds: Indices, flip: int) -> Iterator[Pairs]:
    """Pairs of rows, sorted by ``keys``, whose keys differ in just the bit ``flip`` (0: equal)."""
    if flip:
        starts, ends = bounds[keys | flip], bounds[(keys | flip) + 1]
        counts = np.where(keys & flip, 0, ends - starts)
    else:
        starts = np.arange(1, keys.size + 1)
        counts = bounds[keys + 1] - starts
    total = np.cumsum(counts)
    cuts = np.searchsorted(total, np.arange(_PAIRS, total[-1], _PAIRS))
    for first, last in pairwise(np.unique([0, *cuts, keys.size])):
        many = counts[first:last]
        left = np.repeat(np.arange(first, last), many)
        before = np.repeat(total[first:last] - many - total[first] + many[0], many)
        yield left, np.repeat(starts[first:last], many) + np.arange(left.size) - before


def _are_near(codes: npt.NDArray[np.uint64], left: Indices, right: Indices) -> Indices:
    """Which of the pairs of rows ``[n, 4]`` differ in at most `MAX_DISTANCE` bits."""
    near = np.arange(left.size)
    # Half of a hash already tells almost all strangers apart.
    for some in (slice(0, 2), slice(0, 4)):
        bits = np.bitwise_count(codes[left[near], some] ^ codes[right[near], some])
        near = near[bits.sum(axis=1, dtype=np.uint16) <= MAX_DISTANCE]
    return near


def _near_of(stored: Codes, asked: Codes) -> Iterator[Pairs]:
    """Pairs of near rows, after comparing each of one with each of the other."""
    import faiss

    index = faiss.IndexBinaryFlat(_HASH_BITS)
    index.add(stored)
    queries = max(1, _PAIRS // max(1, len(stored)))
    for start in range(0, len(asked), queries):
        block = asked[start : start + queries]
        # The radius of faiss is exclusive.
        limits, _, found = index.range_search(block, MAX_DISTANCE + 1)
        counts = (limits[1:] - limits[:-1]).astype(np.int64)
        yield found, np.repeat(np.arange(start, start + len(block)), counts)
