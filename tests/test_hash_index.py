"""The index of hashes: exact within the distance, growing, blind to flat pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import hash_index, word_index
from assay.duplicates import MIN_QUALITY, PerceptualHash, perceptual_hash
from assay.hash_index import HashIndex
from assay.near_hashes import MAX_DISTANCE
from tests.scenes import scene


def hashed(bits: int, quality: int = 100) -> PerceptualHash:
    return PerceptualHash(bits.to_bytes(32, "big"), quality, b"")


def filled(*bits: int) -> HashIndex:
    index = HashIndex()
    for number, value in enumerate(bits):
        index.add(str(number), hashed(value))
    return index


@given(
    bits=st.lists(st.integers(0, 2**12 - 1), max_size=12),
    query=st.integers(0, 2**12 - 1),
    distance=st.integers(0, 12),
)
def test_near_finds_exactly_what_lies_within_the_distance(
    bits: list[int], query: int, distance: int
) -> None:
    distances = [(value ^ query).bit_count() for value in bits]
    expected = sorted((d, n) for n, d in enumerate(distances) if d <= distance)
    found = filled(*bits).near(hashed(query), distance)
    assert found == [(str(number), d) for d, number in expected]


def test_near_sees_what_was_added_after_an_earlier_query() -> None:
    index = filled(1)
    assert index.near(hashed(3), 1) == [("0", 1)]
    index.add("late", hashed(3))
    assert index.near(hashed(3), 1) == [("late", 0), ("0", 1)]


def test_near_uses_the_distance_of_near_duplicates_by_default() -> None:
    index = filled((1 << MAX_DISTANCE) - 1, (1 << (MAX_DISTANCE + 1)) - 1)
    assert index.near(hashed(0)) == [("0", MAX_DISTANCE)]


def test_flat_pictures_are_neither_kept_nor_found() -> None:
    index = filled(5)
    assert not index.add("flat", hashed(5, MIN_QUALITY - 1))
    assert len(index) == 1
    assert index.near(hashed(5), 0) == [("0", 0)]
    assert index.near(hashed(5, MIN_QUALITY - 1)) == []


def test_near_finds_a_picture_among_others() -> None:
    index = HashIndex()
    for seed in range(6):
        assert index.add(f"scene-{seed}", perceptual_hash(scene(seed, 256, 256)))
    assert index.near(perceptual_hash(scene(4, 256, 256))) == [("scene-4", 0)]


def test_an_empty_index_finds_nothing() -> None:
    assert HashIndex().near(hashed(0)) == []


@given(
    bits=st.lists(st.integers(0, 2**8 - 1), min_size=1, max_size=20),
    query=st.integers(0, 2**8 - 1),
    limit=st.integers(2, 6),
)
def test_a_limit_keeps_the_nearest_and_the_one_added_first(
    bits: list[int], query: int, limit: int
) -> None:
    index = filled(*bits)
    everything = index.near(hashed(query), 6)
    few = index.near(hashed(query), 6, limit)
    assert len(few) == min(limit, len(everything))
    assert few[: limit - 1] == everything[: limit - 1]
    first = [min(everything, key=lambda one: int(one[0]))] if everything else []
    assert set(first) <= set(few)


def test_an_id_that_is_known_is_not_added_again() -> None:
    index = filled(5)
    assert not index.add("0", hashed(9))
    assert index.near(hashed(5), 1) == [("0", 0)]


@given(
    bits=st.lists(st.integers(0, 2**8 - 1), min_size=1, max_size=12),
    gone=st.sets(st.integers(0, 14), max_size=6),
)
def test_discarded_ids_are_not_found_and_all_others_are(bits: list[int], gone: set[int]) -> None:
    index = filled(*bits)
    index.discard([str(number) for number in gone])
    kept = {number: value for number, value in enumerate(bits) if number not in gone}
    assert len(index) == len(kept)
    for number, value in kept.items():
        assert str(number) in {name for name, _ in index.near(hashed(value), 0)}
    assert {int(name) for name, _ in index.near(hashed(0), 256)} == set(kept)
    assert index.add("0", hashed(1)) == (0 not in kept)


@pytest.fixture
def by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few hashes are looked up as many are."""
    monkeypatch.setattr(hash_index, "_MANY", 1)
    monkeypatch.setattr(word_index, "_WORTH_IT", 17.0)


def relatives(count: int, seed: int = 0) -> list[int]:
    """Hashes around a few pictures, up to twice as far from one another as counts as near."""
    rng = np.random.default_rng(seed)
    pictures = [int.from_bytes(rng.bytes(32), "big") for _ in range(5)]
    flips = [
        rng.choice(256, rng.integers(0, 2 * MAX_DISTANCE), replace=False) for _ in range(count)
    ]
    return [pictures[n % 5] ^ sum(1 << int(bit) for bit in bits) for n, bits in enumerate(flips)]


@pytest.mark.usefixtures("by_words")
@pytest.mark.parametrize("distance", [0, 9, MAX_DISTANCE, MAX_DISTANCE + 1])
def test_near_by_words_is_exact_while_the_index_grows(distance: int) -> None:
    bits = relatives(400)
    index = HashIndex()
    for number, value in enumerate(bits):
        found = index.near(hashed(value), distance)
        near = [(n, (value ^ other).bit_count()) for n, other in enumerate(bits[:number])]
        assert found == [(str(n), d) for d, n in sorted((d, n) for n, d in near if d <= distance)]
        index.add(str(number), hashed(value))


@pytest.mark.usefixtures("by_words")
def test_near_by_words_forgets_what_was_discarded() -> None:
    index = filled(1, 2, 3)
    assert len(index.near(hashed(1))) == 3
    index.discard(["1"])
    index.add("late", hashed(7))
    assert [name for name, _ in index.near(hashed(1))] == ["0", "2", "late"]


def test_near_of_a_crowd_compares_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_index, "_MANY", 1)
    index = filled(*[5] * 40)
    assert index._current().near(np.frombuffer(hashed(5).bits, np.uint8)) is None
    assert len(index.near(hashed(5))) == 40
