"""Near hashes are joined exactly as if each had been compared with every other."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import near_hashes
from assay.near_hashes import MAX_DISTANCE, Codes, Pairs, joined_by_hash

NEAR_BY_WORDS = near_hashes._near_by_words


def near_of_all(codes: Codes) -> Iterator[Pairs]:
    return near_hashes._near_of(codes, codes)


WAYS = [near_of_all, NEAR_BY_WORDS]


def pictures(count: int, copies: int, seed: int, most_flips: int = 40) -> Codes:
    """Hashes ``[count + copies, 32]``; each copy differs from another in 0..``most_flips`` bits."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, 256)).astype(bool)
    for _ in range(copies):
        made = bits[rng.integers(len(bits))].copy()
        made[rng.permutation(256)[: rng.integers(most_flips + 1)]] ^= True
        bits = np.vstack([bits, made])
    return np.packbits(bits[rng.permutation(len(bits))], axis=1)


def near_pairs(ways: Callable[[Codes], Iterator[Pairs]], codes: Codes) -> set[frozenset[int]]:
    """What one way finds, without a row as its own neighbour."""
    rows = (pair for pairs in ways(codes) for pair in zip(*pairs, strict=True))
    return {frozenset(map(int, pair)) for pair in rows if pair[0] != pair[1]}


def exhaustive(codes: Codes) -> Iterator[Pairs]:
    near = np.bitwise_count(codes[:, None] ^ codes[None]).sum(axis=2, dtype=int) <= MAX_DISTANCE
    left, right = np.nonzero(near)
    yield left, right


@pytest.mark.parametrize("ways", WAYS)
@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 30), copies=st.integers(0, 40), seed=st.integers(0, 2**32 - 1))
def test_both_ways_find_exactly_the_near_pairs(
    ways: Callable[[Codes], Iterator[Pairs]], count: int, copies: int, seed: int
) -> None:
    codes = np.unique(pictures(count, copies, seed), axis=0)
    assert near_pairs(ways, codes) == near_pairs(exhaustive, codes)


@pytest.mark.parametrize("ways", WAYS)
@pytest.mark.parametrize("spared", range(16))
def test_no_pair_at_the_limit_is_missed_wherever_its_bits_differ(
    ways: Callable[[Codes], Iterator[Pairs]], spared: int
) -> None:
    """Two bits in each word but one, which is the worst case for looking words up."""
    words = np.full(16, 0b1000_0000_0000_0001, np.uint16)
    words[spared] = 0b100
    codes = np.stack([np.zeros(32, np.uint8), words.view(np.uint8)])
    assert near_pairs(ways, codes) == {frozenset({0, 1})}
    codes[1, 2 * spared] |= 0b1000  # one bit more
    assert not near_pairs(ways, codes)


def same_groups(labels: np.ndarray) -> np.ndarray:
    return labels[:, None] == labels


@pytest.mark.parametrize("few", [10, 4096])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), crowd=st.integers(0, 30), order=st.permutations(range(60)))
def test_joined_by_hash_is_exhaustive_whatever_the_order(
    few: int, seed: int, crowd: int, order: list[int]
) -> None:
    """Also where it first looks for crowds, as it does among many."""
    codes = np.vstack([pictures(20, 40 - crowd, seed), pictures(1, crowd, seed, 9)])[:60]
    expected = np.arange(60)
    for pairs in exhaustive(codes):
        expected = near_hashes.joined(expected, pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_hashes, "_FEW", few)
        patch.setattr(near_hashes, "_PIVOTS", 10)
        labels = joined_by_hash(np.arange(60), codes[order])
    assert (same_groups(labels) == same_groups(expected[order])).all()


def test_pairs_come_in_bounded_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = pictures(1, 400, 5, most_flips=3)
    whole = joined_by_hash(np.arange(401), codes)
    monkeypatch.setattr(near_hashes, "_PAIRS", 100)
    distinct = np.unique(codes, axis=0)
    parts = [left.size for left, _ in NEAR_BY_WORDS(distinct)]
    assert len(parts) > 1000
    assert max(parts) <= 100 + len(distinct)
    assert (joined_by_hash(np.arange(401), codes) == whole).all()


@pytest.mark.parametrize("flips", [0, 1, 12])
def test_many_copies_of_one_picture_cost_no_square_of_memory(flips: int) -> None:
    """Equal or nearly so: 4,000 of them are 8 million pairs."""
    codes = pictures(500, 0, 1)
    rng = np.random.default_rng(2)
    bits = np.tile(np.unpackbits(codes[0]).astype(bool), (4000, 1))
    bits[np.arange(4000)[:, None], rng.integers(0, 256, (4000, flips))] ^= True
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    labels = joined_by_hash(np.arange(4500), np.vstack([codes, np.packbits(bits, axis=1)]))
    assert len(set(labels.tolist())) == 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024
