from __future__ import annotations

import io

import imagehash
import numpy as np
import pytest
from PIL import ExifTags, Image

from assay import images
from assay.ammeba.pictures import another_picture
from assay.ammeba.tables import ImageFacts
from assay.degradations import recompress
from assay.records import Pixels
from tests.scenes import scene


def facts(pixels: Pixels, size: int = 8, **changed: str) -> ImageFacts:
    image = Image.fromarray(pixels)
    hashes = {
        "average_hash": str(imagehash.average_hash(image, size)),
        "phash": str(imagehash.phash(image, size)),
    } | changed
    return ImageFacts("aa", "https://i.example", "image/png", 1, 1, 1, **hashes)


@pytest.mark.parametrize("size", [8, 16])
def test_same_picture_saved_anew_and_smaller_is_the_same(size: int):
    pixels = scene(1)
    smaller = np.asarray(Image.fromarray(recompress(pixels, 40)).resize((90, 90)))
    assert another_picture(smaller, facts(pixels, size)) == ""


def test_other_picture_is_told_from_it():
    reason = another_picture(scene(2), facts(scene(1)))
    assert reason.startswith("another picture than annotated: its ")


def test_placeholder_is_another_picture():
    assert another_picture(np.full((128, 128, 3), 200, np.uint8), facts(scene(1)))


def test_either_hash_is_enough_and_both_count():
    pixels, other = scene(1), facts(scene(2))
    assert another_picture(pixels, facts(pixels, phash="")) == ""
    assert another_picture(pixels, facts(pixels, phash=other.phash))


@pytest.mark.parametrize("written", ["", "abc", "f" * 20])
def test_without_a_hash_nothing_can_be_said(written: str):
    reason = another_picture(scene(1), facts(scene(1), average_hash=written, phash=written))
    assert reason.startswith("no hash: ")


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_hash_that_was_taken_before_the_camera_was_turned_back_is_the_same(orientation: int):
    stored, exif = Image.fromarray(scene(1)), Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored.save(buffer := io.BytesIO(), "PNG", exif=exif)
    upright = images.decode(buffer.getvalue()).pixels
    assert not np.array_equal(upright, scene(1))
    assert another_picture(upright, facts(scene(1))) == ""


def test_decoded_jpeg_has_the_published_hash():
    pixels = scene(3)
    assert (
        another_picture(images.decode(images.encode_jpeg(pixels, 75)).pixels, facts(pixels)) == ""
    )
