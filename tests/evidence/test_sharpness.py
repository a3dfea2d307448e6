"""A part that is softer or crisper than the rest is found; an evenly soft picture is no finding."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assay import images
from assay.evidence.sharpness import SharpnessInconsistency
from assay.records import Measurement, Photo, Pixels
from tests.scenes import scene

INSIDE = np.s_[64:160, 96:192]


def examined(pixels: Pixels, quality: int | None = None) -> Measurement:
    photo = Photo(b"", np.ascontiguousarray(pixels), "PNG")
    if quality:
        photo = images.decode(images.encode_jpeg(photo.pixels, quality))
    return SharpnessInconsistency().examine(photo)


def blurred(pixels: Pixels, strength: float = 1.0) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), strength), np.uint8)


@pytest.fixture
def ordinary() -> Pixels:
    return scene(3, 256, 320)


def assert_stands_out(measurement: Measurement) -> None:
    assert measurement.heatmap is not None
    heatmap = cv2.resize(measurement.heatmap, (320, 256))
    outside = heatmap.copy()
    outside[INSIDE] = np.nan
    assert heatmap[INSIDE].mean() > 1.8 * np.nanmean(outside)


@pytest.mark.parametrize("quality", [None, 95])
def test_softened_part_stands_out(ordinary: Pixels, quality: int | None) -> None:
    edited = ordinary.copy()
    edited[INSIDE] = blurred(ordinary)[INSIDE]
    assert_stands_out(examined(edited, quality))
    assert examined(edited, quality).value > 1.5 * examined(ordinary, quality).value


@pytest.mark.parametrize("quality", [None, 95])
def test_crisp_part_of_a_soft_picture_stands_out(ordinary: Pixels, quality: int | None) -> None:
    edited = blurred(ordinary)
    edited[INSIDE] = ordinary[INSIDE]
    assert_stands_out(examined(edited, quality))


def test_region_encloses_the_softened_part(ordinary: Pixels) -> None:
    edited = ordinary.copy()
    edited[INSIDE] = blurred(ordinary)[INSIDE]
    strongest = examined(edited).regions[0]
    assert strongest.left < 144 / 320 < strongest.right
    assert strongest.top < 112 / 256 < strongest.bottom


def test_evenly_soft_picture_is_no_finding(ordinary: Pixels) -> None:
    edited = ordinary.copy()
    edited[INSIDE] = blurred(ordinary)[INSIDE]
    assert examined(blurred(ordinary)).value < 0.7 * examined(edited).value
