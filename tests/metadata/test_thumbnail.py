from __future__ import annotations

import numpy as np
import pytest

from assay import images
from assay.metadata import thumbnail
from assay.records import Pixels
from tests.files import small
from tests.scenes import scene

IMAGE = scene(3, 256, 384)


def compared(picture: Pixels, pixels: Pixels = IMAGE) -> tuple[tuple[str, str], ...]:
    return thumbnail.facts("embedded thumbnail", images.encode_jpeg(picture, 75), pixels)


@pytest.mark.parametrize("quarters", range(4))
def test_thumbnail_of_the_image_agrees_in_every_rotation(quarters: int) -> None:
    assert compared(np.ascontiguousarray(np.rot90(small(IMAGE, 160, 107), quarters))) == ()


def test_black_bars_are_cut_off() -> None:
    barred = np.zeros((120, 160, 3), np.uint8)
    barred[7:114] = small(IMAGE, 160, 107)
    assert compared(barred) == ()


def test_other_level_and_contrast_agree() -> None:
    assert compared((small(IMAGE, 160, 107) * 0.7 + 40).astype(np.uint8)) == ()


def test_other_picture_differs() -> None:
    ((name, value),) = compared(small(scene(4, 256, 384), 160, 107))
    assert name == "embedded thumbnail"
    assert value.startswith("differs from the image, by ")


def test_pasted_part_differs() -> None:
    edited = IMAGE.copy()
    edited[60:140, 100:200] = 255 - edited[60:140, 100:200] // 4
    assert compared(small(IMAGE, 160, 107), edited) != ()


def test_crop_differs() -> None:
    cropped = np.ascontiguousarray(IMAGE[100:250, 20:170])
    assert compared(small(IMAGE, 160, 107), cropped) != ()


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"not a picture"])
def test_broken_thumbnail_is_unreadable(data: bytes) -> None:
    assert thumbnail.facts("embedded thumbnail", data, IMAGE) == (
        ("embedded thumbnail", "unreadable"),
    )


def test_thumbnail_larger_than_any_is_not_decoded() -> None:
    huge = images.encode_png(np.zeros((4096, 4096, 3), np.uint8))
    assert thumbnail.facts("signed thumbnail", huge, IMAGE) == (("signed thumbnail", "unreadable"),)


def test_one_pixel_is_compared() -> None:
    assert compared(IMAGE[:1, :1], IMAGE[:1, :1]) == ()
