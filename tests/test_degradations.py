from __future__ import annotations

import numpy as np
import pytest

from assay.degradations import add_noise, blur, is_grey, recompress, to_pixels
from tests.scenes import scene

FLAT = np.full((128, 128, 3), 128, np.uint8)


@pytest.mark.parametrize("sigma", [2.0, 6.0])
def test_noise_has_requested_spread(sigma: float) -> None:
    noisy = add_noise(FLAT, sigma, np.random.default_rng(0)).astype(float)
    assert noisy.std() == pytest.approx(sigma, rel=0.05)
    assert noisy.mean() == pytest.approx(128, abs=0.1)


def test_noise_keeps_grey_images_grey() -> None:
    rng = np.random.default_rng(0)
    assert is_grey(add_noise(FLAT, 5, rng))
    assert not is_grey(add_noise(scene(), 5, rng))


def test_blur_lowers_contrast_and_keeps_shape() -> None:
    blurred = blur(scene(), 1.5)
    assert blurred.shape == scene().shape
    assert np.diff(blurred.astype(int)).std() <= np.diff(scene().astype(int)).std()


def test_recompression_loses_more_at_lower_quality() -> None:
    losses = [np.abs(recompress(scene(), q).astype(int) - scene()).mean() for q in (95, 75, 50)]
    assert 0 < losses[0] < losses[1] < losses[2]


def test_to_pixels_rounds_and_clips() -> None:
    assert to_pixels(np.array([-3.0, 0.4, 0.6, 254.7, 300.0])).tolist() == [0, 0, 1, 255, 255]
