"""Descriptors tell what was done to an image, and are finite for any image at all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from assay import degradations, descriptors, images
from assay.records import Photo, Pixels
from tests.scenes import scene

HEIGHT, WIDTH = 96, 144


def scenery() -> Pixels:
    return scene(0, HEIGHT, WIDTH).astype(np.uint8)


def described(pixels: Pixels, quality: int | None = None) -> dict[str, float]:
    data = images.encode_png(pixels) if quality is None else images.encode_jpeg(pixels, quality)
    return descriptors.describe(images.decode(data))


def flat(red: int, green: int, blue: int) -> Pixels:
    return np.full((HEIGHT, WIDTH, 3), (red, green, blue), np.uint8)


def test_all_names_are_measured_of_a_jpeg_and_no_quality_of_a_lossless_file() -> None:
    assert tuple(described(scenery(), 70)) == descriptors.NAMES
    assert set(descriptors.NAMES) - set(described(scenery())) == {"jpeg_quality"}


def test_size_and_file_are_those_of_the_image() -> None:
    data = images.encode_jpeg(scenery(), 70)
    found = descriptors.describe(images.decode(data))
    assert (found["width"], found["height"], found["aspect"]) == (WIDTH, HEIGHT, WIDTH / HEIGHT)
    assert found["megapixels"] == WIDTH * HEIGHT / 1e6
    assert found["jpeg_quality"] == 70
    assert found["bytes_per_pixel"] == len(data) / (WIDTH * HEIGHT)


def test_flat_image_has_no_contrast_sharpness_entropy() -> None:
    found = described(flat(90, 90, 90))
    assert found["brightness"] == 90
    assert [found[name] for name in ("contrast", "sharpness", "entropy", "colourfulness")] == [
        0
    ] * 4


def test_entropy_of_equally_frequent_levels_is_their_number_of_bits() -> None:
    levels = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH, 1) % 16
    assert described(np.repeat(levels, 3, axis=2).astype(np.uint8))["entropy"] == 4


def test_colourfulness_follows_its_definition() -> None:
    pixels = scenery()
    red, green, blue = np.moveaxis(pixels.astype(float), 2, 0)
    first, second = red - green, (red + green) / 2 - blue
    expected = math.hypot(first.std(), second.std())
    expected += 0.3 * math.hypot(first.mean(), second.mean())
    assert described(pixels)["colourfulness"] == pytest.approx(expected)


def test_blur_lowers_sharpness_and_light_raises_brightness() -> None:
    plain, blurred = described(scenery()), described(degradations.blur(scenery(), 2.0))
    lit = described(degradations.to_pixels(scenery() * 0.5 + 120.0))
    assert blurred["sharpness"] < plain["sharpness"] / 2
    assert lit["brightness"] > plain["brightness"]
    assert lit["contrast"] < plain["contrast"]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_any_image_has_finite_descriptors(pixels: Pixels) -> None:
    found = descriptors.describe(Photo(b"data", pixels, "PNG"))
    assert all(math.isfinite(value) for value in found.values())
