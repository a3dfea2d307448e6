"""Which captures show one picture, in time that grows with their number and not with its square.

Near hashes agree in whole blocks of bits (Norouzi et al. 2012, "Fast Search in Hamming Space with
Multi-Index Hashing"): sorted by each block in turn, they come to lie side by side, where a few
neighbours are compared (the sorted neighbourhood of Hernandez and Stolfo 1995). Hashes that differ
in fewer bits than there are blocks always meet; of the rest up to the usual limit most do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from assay.near_hashes import MAX_DISTANCE

Indices = npt.NDArray[np.int64]
_Codes = npt.NDArray[np.uint8]

_HASH_BYTES, _BLOCK_BYTES = 32, 2
_NEIGHBOURS = 8
"""Compared on one side of each hash, in each order."""


def group(pixel_digests: Sequence[str], hashes: Sequence[str]) -> Indices:
    """A number ``[n]`` for each image: pixel-equal ones share it, and near-duplicates.

    ``hashes`` are PDQ hashes as hex; an image without one is near to none. Numbers count up in the
    order in which pictures first come.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pixel_digests:
        return np.zeros(0, np.int64)
    pictures, first = _pictures(pixel_digests)
    known = [(index, hashes[at]) for index, at in enumerate(first) if len(hashes[at]) == 64]
    places = np.array([index for index, _ in known], np.int64)
    codes = np.frombuffer(bytes.fromhex("".join(code for _, code in known)), np.uint8)
    pairs = [places[near] for near in _near_pairs(codes.reshape(-1, _HASH_BYTES))]
    left, right = np.concatenate([np.zeros((2, 0), np.int64), *pairs], axis=1)
    size = len(first)
    graph = coo_array((np.ones(len(left), np.bool_), (left, right)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1][pictures], np.int64)


def _pictures(pixel_digests: Sequence[str]) -> tuple[Indices, list[int]]:
    """The number of each image's pixels ``[n]``, and where each number first comes."""
    numbers: dict[str, int] = {}
    found = np.array([numbers.setdefault(one, len(numbers)) for one in pixel_digests], np.int64)
    return found, np.unique(found, return_index=True)[1].tolist()


def _near_pairs(codes: _Codes) -> Iterator[Indices]:
    """Pairs ``[2, k]`` of places in ``codes`` ``[n, 32]`` that are near, from each order."""
    if len(codes) < 2:
        return
    words = codes.view(np.uint64)
    sorted_once = np.lexsort(words.T)
    for block in codes.view(np.uint16)[sorted_once].T:
        order = np.argsort(block, kind="stable")
        places, keys = sorted_once[order], block[order]
        for step in range(1, min(_NEIGHBOURS + 1, len(codes))):
            together = np.flatnonzero(keys[step:] == keys[:-step])
            left, right = places[together], places[together + step]
            distance = np.bitwise_count(words[left] ^ words[right]).sum(axis=1)
            yield np.stack([left, right])[:, distance <= MAX_DISTANCE]
