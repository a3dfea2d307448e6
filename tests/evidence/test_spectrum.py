"""A generator's lattice raises the value, also after JPEG; JPEG's own lattice does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assay import images
from assay.evidence.spectrum import SpectralArtefacts
from assay.records import Photo, Pixels
from tests.scenes import scene


def value(pixels: Pixels, quality: int | None = None) -> float:
    photo = Photo(b"", np.ascontiguousarray(pixels), "PNG")
    if quality:
        photo = images.decode(images.encode_jpeg(photo.pixels, quality))
    measured = SpectralArtefacts().examine(photo).value
    assert measured is not None
    return measured


def decoded_by_transposed_convolution(pixels: Pixels) -> Pixels:
    """Two doublings whose kernel of 3 overlaps unevenly, as in a generator without resizing."""
    lattice = np.kron(np.ones((64, 64)), np.outer((1.0, 0.94, 1.06, 0.94), (1.0, 0.94, 1.06, 0.94)))
    height, width = pixels.shape[:2]
    return (pixels * lattice[:height, :width, None]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [None, 80, 90, 97])
@pytest.mark.parametrize("seed", range(3))
def test_lattice_of_a_generator_raises_the_value(seed: int, quality: int | None) -> None:
    photograph = scene(seed, 256, 256)
    generated = decoded_by_transposed_convolution(photograph)
    assert value(generated, quality) > value(photograph, quality) + 0.3


@pytest.mark.parametrize("seed", range(3))
def test_blocks_of_jpeg_do_not(seed: int) -> None:
    photograph = scene(seed, 256, 256)
    generated = decoded_by_transposed_convolution(photograph)
    assert value(photograph, 60) < value(generated) - 0.3


def test_excess_over_the_power_law_raises_the_value() -> None:
    photograph = scene(0, 256, 256)
    rng = np.random.default_rng(0)
    band = cv2.GaussianBlur(rng.normal(0, 60, (256, 256, 3)), (0, 0), 0.7)
    band -= cv2.GaussianBlur(band, (0, 0), 1.0)
    assert value((photograph + band).clip(0, 255).astype(np.uint8)) > value(photograph) + 0.1


def test_value_does_not_depend_on_how_much_of_a_picture_is_seen() -> None:
    large = np.tile(scene(0, 256, 256), (3, 4, 1))
    assert value(large) == pytest.approx(value(large[:512, :512]), abs=0.15)
