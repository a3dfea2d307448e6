from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from assay import images
from assay.records import Photo
from assay.strata import NOT_JPEG, jpeg_quality, stratum
from tests.scenes import scene


def photo(width: int, height: int, quality: int | None) -> Photo:
    pixels = scene(0, height, width).astype(np.uint8)
    data = images.encode_png(pixels) if quality is None else images.encode_jpeg(pixels, quality)
    return images.decode(data)


@pytest.mark.parametrize("quality", [10, 50, 75, 89, 95, 100])
def test_quality_is_read_from_the_tables(quality: int) -> None:
    assert jpeg_quality(photo(64, 64, quality)) == quality


def test_quality_of_a_grey_file_counts_its_one_table() -> None:
    buffer = io.BytesIO()
    Image.new("L", (64, 64)).save(buffer, "JPEG", quality=60)
    assert jpeg_quality(images.decode(buffer.getvalue())) == 60


@pytest.mark.parametrize(
    ("size", "quality", "name"),
    [
        ((64, 96), 60, "JPEG under 75, under 512 px"),
        ((512, 64), 75, "JPEG 75-89, 512-1199 px"),
        ((64, 1200), 90, "JPEG from 90, from 1200 px"),
        ((1199, 64), None, "not JPEG, 512-1199 px"),
    ],
)
def test_stratum_names_compression_and_size(
    size: tuple[int, int], quality: int | None, name: str
) -> None:
    assert stratum(photo(*size, quality)) == name


def test_stratum_of_a_photo_without_metadata_is_no_error() -> None:
    bare = Photo(b"", np.zeros((64, 64, 3), np.uint8), "WEBP")
    assert stratum(bare).startswith(NOT_JPEG)
