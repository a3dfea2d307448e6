"""Alignment finds the map that was applied, and none between strangers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.affine import carried_back, compose, invert, resizing, scale_of, size_of, turn_of
from assay.alignment import align
from assay.manipulations.regions import similarity
from tests.scenes import scene

SIZES = st.tuples(st.integers(2, 4000), st.integers(2, 4000))


@given(size=SIZES, target=SIZES)
def test_resizing_carries_corners_onto_corners_and_back(
    size: tuple[int, int], target: tuple[int, int]
) -> None:
    there = resizing(size, target)
    # The outer corner of the last pixel lies half a pixel beyond its centre.
    corner = there @ [size[0] - 0.5, size[1] - 0.5, 1]
    assert corner == pytest.approx(np.array(target) - 0.5)
    assert compose(invert(there), there) == pytest.approx(np.eye(2, 3), abs=1e-6)


@pytest.mark.parametrize(("angle", "scale"), [(0, 0.6), (7, 1.0), (-5, 1.6), (12, 0.8)])
@pytest.mark.parametrize("mirror", [False, True])
def test_align_finds_the_map_within_half_a_pixel(angle: float, scale: float, mirror: bool) -> None:
    first = scene(3, 300, 400)
    width, height = round(400 * scale), round(300 * scale)
    centre, target = np.array([199.5, 149.5]), np.array([width, height]) / 2
    matrix = similarity(centre, target, angle, scale, mirror)
    second, _ = carried_back(first, invert(matrix), (width, height))
    found = align(first, second)
    assert found is not None
    assert (found.mirrored, found.scale) == (mirror, pytest.approx(scale, rel=0.01))
    points = np.array([[100, 300, 200], [80, 220, 150], [1, 1, 1]])
    assert np.abs(found.matrix @ points - matrix @ points).max() < 0.5


def test_align_finds_no_map_between_strangers() -> None:
    assert align(scene(1, 200, 300), scene(2, 200, 300)) is None


def test_align_is_not_misled_by_an_edit_of_a_third() -> None:
    first = scene(5, 240, 320)
    second = first[12:, 16:].copy()
    second[40:180, 60:240] = scene(8, 140, 180)
    found = align(first, second)
    assert found is not None
    assert found.matrix == pytest.approx(np.array([[1, 0, -16], [0, 1, -12]]), abs=0.3)


def test_align_works_on_reduced_pictures_but_answers_in_full_pixels() -> None:
    first = cv2.resize(scene(6, 300, 400), (1600, 1200), interpolation=cv2.INTER_CUBIC)
    second = np.ascontiguousarray(first[100:, 200:]).astype(np.uint8)
    found = align(first.astype(np.uint8), second)
    assert found is not None
    assert found.matrix == pytest.approx(np.array([[1, 0, -200], [0, 1, -100]]), abs=1.0)


def test_scale_and_turn_are_those_of_the_map() -> None:
    matrix = similarity(np.zeros(2), np.zeros(2), 15, 2.5, mirror=True)
    assert (scale_of(matrix), abs(turn_of(matrix))) == pytest.approx((2.5, 15))
    assert size_of(scene(0, 30, 40)) == (40, 30)
