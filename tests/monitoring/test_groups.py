"""Pictures that came more than once, found among many without comparing all with all."""

from __future__ import annotations

import numpy as np
import pytest

from assay.duplicates import PerceptualHash, merge_groups
from assay.monitoring.groups import group

RNG = np.random.default_rng(0)


def hashes(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 32), dtype=np.uint8)


def flipped(code: np.ndarray, bits: int) -> np.ndarray:
    """``code`` with so many of its bits turned."""
    turned = np.unpackbits(code)
    turned[RNG.choice(256, bits, replace=False)] ^= 1
    return np.packbits(turned)


def hexed(codes: np.ndarray) -> list[str]:
    return [code.tobytes().hex() for code in codes]


def numbered(count: int) -> list[str]:
    return [f"pixels {number}" for number in range(count)]


def test_equal_pixels_are_one_picture_also_without_a_hash():
    assert group(["a", "b", "a", "c"], ["", "", "", ""]).tolist() == [0, 1, 0, 2]


def test_near_hashes_are_one_picture_and_far_ones_are_not():
    first, other = hashes(2)
    codes = np.stack([first, other, flipped(first, 12), flipped(other, 60)])
    assert group(numbered(4), hexed(codes)).tolist() == [0, 1, 0, 2]


def test_viral_picture_is_one_group_among_many():
    codes = np.concatenate([hashes(3000), [flipped(hashes(1)[0], 0)]])
    viral = np.stack([flipped(codes[-1], int(n)) for n in RNG.integers(0, 15, 1000)])
    found = group(numbered(4001), hexed(np.concatenate([codes, viral])))
    assert len(set(found[3000:].tolist())) == 1
    assert len(set(found.tolist())) == 3001


@pytest.mark.parametrize(("bits", "least"), [(15, 1.0), (31, 0.85)])
def test_pairs_are_found_as_by_comparing_all(bits: int, least: float):
    codes = hashes(400)
    both = np.concatenate([codes, [flipped(code, bits) for code in codes]])
    found = group(numbered(800), hexed(both))
    exact = merge_groups(
        [
            PerceptualHash(code.tobytes(), 100, bytes([n % 256, n // 256]))
            for n, code in enumerate(both)
        ],
        [f"{n:04d}" for n in range(800)],
    )
    assert exact[:400] == exact[400:]
    assert (found[:400] == found[400:]).mean() >= least


def test_nothing_has_no_groups():
    assert group([], []).tolist() == []
