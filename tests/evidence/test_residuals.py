"""When a photo is no use to the examiners."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assay import images
from assay.evidence.residuals import why_not
from assay.records import Photo
from tests.scenes import scene


@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 30, 30)])
def test_one_even_colour_is_flat(colour: tuple[int, int, int]):
    pixels = np.full((96, 96, 3), colour, np.uint8)
    assert why_not(Photo(b"", pixels, "PNG")) == "a flat picture"


def test_scene_is_of_use():
    assert why_not(Photo(b"", scene(0), "PNG")) == ""


def page(size: int, ink: int, ground: int) -> np.ndarray:
    picture = np.full((300, 400, 3), ground, np.uint8)
    for line in range(size * 2, 300, size * 2):
        text, colour = "the quick brown fox jumps over it", (ink,) * 3
        cv2.putText(picture, text, (8, line), 3, size / 30, colour, 1, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("quality", [None, 60, 90])
@pytest.mark.parametrize(("size", "ink", "ground"), [(12, 0, 255), (20, 40, 250), (16, 230, 30)])
def test_page_of_text_is_of_no_use(size: int, ink: int, ground: int, quality: int | None):
    picture = page(size, ink, ground)
    saved = images.encode_jpeg(picture, quality) if quality else images.encode_png(picture)
    assert why_not(images.decode(saved)).startswith("text or line art")


def test_photograph_on_a_white_page_is_of_use():
    picture = page(16, 0, 255)
    picture[60:240, 100:300] = scene(0, 180, 200)
    assert why_not(Photo(b"", picture, "PNG")) == ""
