"""Earlier JPEG generations are told from one alone, and parts that were not in them are found."""

from __future__ import annotations

import numpy as np
import pytest

from assay import images
from assay.evidence.compression import CompressionHistory
from assay.evidence.jpeg_grid import last_table, nearest_quality
from assay.records import Measurement, Photo, Pixels
from tests.scenes import scene

INSIDE = np.s_[64:192, 96:224]


def jpeg(pixels: Pixels, quality: int) -> Photo:
    return images.decode(images.encode_jpeg(np.ascontiguousarray(pixels), quality))


def png(pixels: Pixels) -> Photo:
    return images.decode(images.encode_png(np.ascontiguousarray(pixels)))


def examined(photo: Photo) -> Measurement:
    return CompressionHistory().examine(photo)


def facts(photo: Photo) -> dict[str, str]:
    return dict(examined(photo).facts)


def earlier_quality(found: dict[str, str]) -> int:
    return int(found["earlier compression"].removeprefix("about quality "))


def assert_found(measurement: Measurement) -> None:
    assert measurement.heatmap is not None
    inside = measurement.heatmap[9:22, 13:26]
    assert inside.mean() > 3 * measurement.heatmap.mean()
    strongest = measurement.regions[0]
    assert strongest.left < 160 / 352 < strongest.right
    assert strongest.top < 128 / 288 < strongest.bottom


@pytest.fixture(scope="module")
def original() -> Pixels:
    return scene(5, 288, 352)


@pytest.mark.parametrize("quality", [60, 83, 95])
def test_quality_is_read_from_the_tables(original: Pixels, quality: int) -> None:
    assert facts(jpeg(original, quality)) == {"estimated quality": str(quality)}


@pytest.mark.parametrize("quality", [75, 85, 95])
def test_single_compression_has_no_earlier_one(original: Pixels, quality: int) -> None:
    measurement = examined(jpeg(original, quality))
    assert "earlier compression" not in dict(measurement.facts)
    assert measurement.value == 0


def test_lossless_original_has_no_history(original: Pixels) -> None:
    assert facts(png(original)) == {}


@pytest.mark.parametrize(("across", "down"), [(0, 0), (3, 0), (0, 6), (5, 2)])
def test_png_of_a_former_jpeg_has_its_grid(original: Pixels, across: int, down: int) -> None:
    former = jpeg(original, 75).pixels
    cropped = png(former[(8 - down) % 8 :, (8 - across) % 8 :])
    found = facts(cropped)
    assert found["grid offset"] == f"{across}, {down}"
    assert earlier_quality(found) == pytest.approx(75, abs=1)
    assert "estimated quality" not in found


def test_second_compression_leaves_the_first_to_be_seen(original: Pixels) -> None:
    again = facts(jpeg(jpeg(original, 70).pixels, 92))
    assert again["estimated quality"] == "92"
    assert earlier_quality(again) == pytest.approx(70, abs=4)


def test_part_that_was_in_no_jpeg_is_found(original: Pixels) -> None:
    edited = jpeg(original, 70).pixels.copy()
    edited[INSIDE] = original[INSIDE]
    assert_found(examined(png(edited)))
    assert_found(examined(jpeg(edited, 93)))


def test_part_on_another_grid_is_found(original: Pixels) -> None:
    edited = jpeg(original, 70).pixels.copy()
    shifted = jpeg(np.roll(original, (3, 5), (0, 1)), 70).pixels
    edited[INSIDE] = np.roll(shifted, (-3, -5), (0, 1))[INSIDE]
    assert_found(examined(png(edited)))
    assert_found(examined(jpeg(edited, 95)))


def test_untouched_double_compression_is_weaker(original: Pixels) -> None:
    twice = jpeg(original, 70).pixels
    edited = twice.copy()
    edited[INSIDE] = original[INSIDE]
    assert examined(jpeg(twice, 93)).value < 0.6 * examined(jpeg(edited, 93)).value


def test_pixels_without_their_file_have_no_table(original: Pixels) -> None:
    assert last_table(Photo(b"", original, "JPEG")) is None
    assert last_table(Photo(b"no image", original, "JPEG")) is None
    assert examined(Photo(b"no image", original, "JPEG")).value == 0


@pytest.mark.parametrize("quality", [1, 50, 75, 100])
def test_nearest_quality_of_a_standard_table(original: Pixels, quality: int) -> None:
    table = last_table(jpeg(original, quality))
    assert table is not None
    assert nearest_quality(table) == quality
