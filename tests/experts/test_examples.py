"""Pairs of an edited picture and its untouched twin."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from assay.experts.forensic.corpus import Corpus
from assay.experts.forensic.examples import SIDE, Example, make_pair
from assay.experts.forensic.histories import TRAITS

Pair = tuple[Example, Example]
EASY = range(10)
"""Numbers of pairs that are at most saved again after the edit."""
HARD = range(12_000, 12_006)
JPEG_REACH = 24
"""Pixels: a block of 16 and what smooth chroma takes from the next."""


@pytest.fixture(scope="module")
def pairs(stored: Path) -> dict[int, Pair]:
    album = Corpus(stored)
    return {number: make_pair(album, 5, number) for number in (*EASY, *HARD)}


def test_pair_is_deterministic_in_seed_and_number(stored: Path, pairs: dict[int, Pair]) -> None:
    for one, again in zip(pairs[3], make_pair(Corpus(stored), 5, 3), strict=True):
        np.testing.assert_array_equal(one.pixels, again.pixels)
        np.testing.assert_array_equal(one.mask, again.mask)
    other = make_pair(Corpus(stored), 6, 3)
    assert (pairs[3][1].pixels != other[1].pixels).any()


def test_members_are_of_one_size(pairs: dict[int, Pair]) -> None:
    for example in (example for pair in pairs.values() for example in pair):
        assert example.pixels.shape == (SIDE, SIDE, 3)
        assert example.pixels.dtype == np.uint8
        assert example.mask.shape == (SIDE, SIDE)
        assert example.traits.shape == (2, len(TRAITS))


def test_mask_is_empty_for_generated_and_untouched_pictures(pairs: dict[int, Pair]) -> None:
    assert {edited.generated for edited, _ in pairs.values()} == {True, False}
    for edited, untouched in pairs.values():
        assert edited.mask.any() != edited.generated
        assert not untouched.mask.any()
        assert not untouched.generated


def test_twin_is_equal_outside_of_the_mask_and_differs_inside(pairs: dict[int, Pair]) -> None:
    for edited, untouched in (pairs[number] for number in EASY):
        differs = (edited.pixels != untouched.pixels).any(axis=2)
        if edited.generated:
            assert differs.mean() > 0.3
            continue
        near = cv2.dilate(edited.mask.astype(np.uint8), np.ones((2 * JPEG_REACH + 1,) * 2))
        assert not differs[near == 0].any()
        assert differs[edited.mask].mean() > 0.3


def test_traits_tell_of_the_background_and_of_what_was_pasted(pairs: dict[int, Pair]) -> None:
    for edited, untouched in pairs.values():
        assert np.isfinite(untouched.traits[0]).all()
        assert np.isnan(untouched.traits[1]).all()
        assert np.isnan(edited.traits[0]).all() == edited.generated
    assert any(np.isfinite(edited.traits[1]).all() for edited, _ in pairs.values())
