"""Near-duplicates: what one picture's copies share, and what must not be joined."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import images
from assay.duplicates import MIN_QUALITY, PerceptualHash, merge_groups, perceptual_hash
from assay.near_hashes import MAX_DISTANCE
from tests.scenes import scene


def hashed(bits: int = 0, quality: int = 100, pixels: bytes = b"") -> PerceptualHash:
    return PerceptualHash(bits.to_bytes(32, "big"), quality, pixels)


def far_apart(count: int) -> list[PerceptualHash]:
    """Hashes that differ from each other in some 128 bits, like those of different pictures."""
    rng = np.random.default_rng(0)
    return [PerceptualHash(rng.bytes(32), 100, rng.bytes(32)) for _ in range(count)]


def test_perceptual_hash_survives_resaving_and_resizing() -> None:
    original = scene(0, 256, 256)
    resaved = images.decode(images.encode_jpeg(original, 60)).pixels
    smaller = cv2.resize(original, (160, 160), interpolation=cv2.INTER_AREA)
    hashes = [perceptual_hash(pixels) for pixels in (original, resaved, smaller)]
    assert merge_groups(hashes, ["c", "a", "b"]) == ["a", "a", "a"]
    assert len({picture.digest for picture in hashes}) == 3


def test_perceptual_hash_tells_pictures_apart() -> None:
    hashes = [perceptual_hash(scene(seed)) for seed in range(8)]
    groups = [f"g{seed}" for seed in range(8)]
    assert merge_groups(hashes, groups) == groups


def test_perceptual_hash_digest_depends_on_the_shape() -> None:
    flat = np.zeros((8, 32, 3), np.uint8)
    assert perceptual_hash(flat).digest != perceptual_hash(flat.reshape(32, 8, 3)).digest


@pytest.mark.parametrize(("distance", "groups"), [(MAX_DISTANCE, 1), (MAX_DISTANCE + 1, 2)])
def test_merge_groups_joins_up_to_the_distance(distance: int, groups: int) -> None:
    hashes = [hashed(0, pixels=b"a"), hashed((1 << distance) - 1, pixels=b"b")]
    assert len(set(merge_groups(hashes, ["a", "b"]))) == groups


def test_merge_groups_joins_through_a_chain() -> None:
    far = [hashed((1 << 30 * step) - 1, pixels=bytes([step])) for step in range(5)]
    assert set(merge_groups(far, list("edcba"))) == {"a"}


def test_merge_groups_keeps_given_groups_together() -> None:
    assert merge_groups(far_apart(4), ["b", "a", "b", "c"]) == ["b", "a", "b", "c"]


def test_merge_groups_does_not_trust_flat_images() -> None:
    flat = [hashed(0, MIN_QUALITY - 1, bytes([pixels])) for pixels in (1, 2, 1)]
    assert merge_groups(flat, ["c", "b", "a"]) == ["a", "b", "a"]


def test_merge_groups_of_nothing_is_nothing() -> None:
    assert merge_groups([], []) == []


@given(st.permutations(range(12)))
def test_merge_groups_does_not_depend_on_the_order(order: list[int]) -> None:
    hashes = [*far_apart(9), *(hashed(1 << bit, pixels=bytes([bit])) for bit in range(3))]
    groups = [f"g{index // 2}" for index in range(12)]
    expected = merge_groups(hashes, groups)
    shuffled = merge_groups([hashes[i] for i in order], [groups[i] for i in order])
    assert shuffled == [expected[i] for i in order]


def test_merge_groups_equals_the_exhaustive_search() -> None:
    rng = np.random.default_rng(1)
    base = rng.integers(0, 2, (6, 256)).astype(bool)
    codes = base[rng.integers(0, 6, 200)] ^ (rng.random((200, 256)) < 0.05)
    hashes = [
        PerceptualHash(np.packbits(code).tobytes(), 100, bytes([i])) for i, code in enumerate(codes)
    ]
    groups = np.array(merge_groups(hashes, [f"{i:03d}" for i in range(200)]))
    near = (codes[:, None] != codes[None]).sum(axis=2) <= MAX_DISTANCE
    rows, columns = np.nonzero(near)
    assert (groups[rows] == groups[columns]).all()
    assert len(set(groups)) == 6
