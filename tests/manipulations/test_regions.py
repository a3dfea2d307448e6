from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.manipulations.regions import (
    blob,
    centroid,
    composite,
    feather,
    similarity,
    trimmed,
    warp,
)
from tests.scenes import scene

SIDES = st.integers(64, 200)


@given(seed=st.integers(0, 10**6), height=SIDES, width=SIDES)
def test_blob_has_requested_area_in_one_piece(seed: int, height: int, width: int) -> None:
    region = blob(np.random.default_rng(seed), (height, width, 3), (0.05, 0.1))
    limit = 0.5 * min(height, width) ** 2 / (height * width)
    assert min(0.04, 0.8 * limit) < region.mean() < 0.12
    assert cv2.connectedComponents(region.astype(np.uint8))[0] == 2


def test_blobs_are_irregular_and_differ() -> None:
    blobs = [blob(np.random.default_rng(seed), (128, 128), (0.1, 0.1)) for seed in range(20)]
    filled = [region.sum() / np.ptp(np.argwhere(region), axis=0).prod() for region in blobs]
    assert len({region.tobytes() for region in blobs}) == 20
    assert np.std(filled) > 0.03


def test_trimmed_follows_object() -> None:
    content = np.full((100, 100, 3), 40, np.uint8)
    cv2.circle(content, (50, 50), 28, (220, 200, 180), -1)
    region = np.zeros((100, 100), bool)
    region[22:78, 22:78] = True
    kept = trimmed(region, content)
    disc = cv2.circle(np.zeros((100, 100), np.uint8), (50, 50), 28, 1, -1).astype(bool)
    assert (kept & disc).sum() > 0.97 * kept.sum() > 0.9 * disc.sum()


@pytest.mark.parametrize("content", [scene(3, grey=True), np.zeros((128, 128, 3), np.uint8)])
def test_trimmed_keeps_most_of_region(content: np.ndarray) -> None:
    region = blob(np.random.default_rng(0), content.shape, (0.2, 0.2))
    kept = trimmed(region, content)
    assert (kept <= region).all()
    assert kept.sum() >= 0.6 * region.sum()


def test_feather_is_soft_inside_reach_and_zero_beyond() -> None:
    region = np.zeros((60, 60), bool)
    region[20:40, 20:40] = True
    alpha = feather(region, 1.5)
    assert alpha[30, 30] == pytest.approx(1)
    assert 0.3 < alpha[20, 30] < 0.7
    assert alpha[10, 30] == 0


def test_composite_blends_by_alpha() -> None:
    image = np.full((4, 4, 3), 100, np.uint8)
    alpha = np.array([[0, 0.25, 0.5, 1]] * 4, np.float32)
    result, mask = composite(image, np.full((4, 4, 3), 300.0), alpha)
    assert result[0, :, 0].tolist() == [100, 150, 200, 255]
    assert mask[0].tolist() == [False, True, True, True]


@pytest.mark.parametrize("level", [0, 17, 255])
def test_composite_moves_idle_pixels_by_one_level(level: int) -> None:
    image = np.full((8, 8, 3), level, np.uint8)
    alpha = np.zeros((8, 8), np.float32)
    alpha[2:6, 2:6] = 1
    result, mask = composite(image, image, alpha)
    np.testing.assert_array_equal(mask, alpha > 0)
    assert np.abs(result.astype(int) - image)[mask].max() == 1


def test_warp_by_integer_shift_copies_pixels() -> None:
    image = scene()
    moved = warp(image, similarity(np.array([10.0, 20.0]), np.array([25.0, 16.0])))
    np.testing.assert_array_equal(moved[:-4, 15:], image[4:, :-15])


@pytest.mark.parametrize("mirror", [False, True])
def test_similarity_maps_source_to_target(mirror: bool) -> None:
    source, target = np.array([12.0, 30.0]), np.array([70.0, 41.0])
    matrix = similarity(source, target, angle=33, scale=1.5, mirror=mirror)
    np.testing.assert_allclose(matrix @ [*source, 1], target)
    assert np.linalg.det(matrix[:, :2]) == pytest.approx(-(1.5**2) if mirror else 1.5**2)


def test_centroid_is_mean_position() -> None:
    region = np.zeros((20, 30), bool)
    region[4:7, 10:21] = True
    assert centroid(region).tolist() == [15, 5]
