"""PDQ against hashes that the reference implementation (pdqhash 0.2.8) gave for the same pixels."""

import cv2
import numpy as np
import pytest

from assay.pdq import pdq
from assay.records import Pixels

REFERENCE = {
    (64, 64): ("1005d1930155a10be1953e8701f5fc0b2fa502ff0015aecb7a1503ff5555ffff", 0),
    (40, 30): ("7885b20f74791881cac83a0dc9e064859fc3e619f3c53c7d1705cbf5401dd5ff", 0),
    (200, 301): ("62ab1555a0a9555d2aa7555baaa95555aaa95555aaa9554a8ab67dcc6018ffe1", 100),
    (512, 384): ("ad5a4a5296962db6d926b36466cc9dcc339cc7381c79f0f183e13f83f807003f", 100),
}


def waves(height: int, width: int) -> Pixels:
    rows, columns = np.mgrid[0:height, 0:width] / 100
    channels = [np.sin(3 * rows * columns + p) + np.cos(2.5 * columns + p) for p in range(3)]
    return (np.stack(channels, axis=2) * 60 + 128).astype(np.uint8)


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.mark.parametrize("size", REFERENCE)
def test_pdq_equals_the_reference(size: tuple[int, int]) -> None:
    bits, quality = pdq(waves(*size))
    assert (bits.hex(), quality) == REFERENCE[size]


def test_pdq_survives_compression_and_scaling() -> None:
    image = waves(400, 300)
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])
    copy = cv2.resize(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), (240, 320))
    assert distance(pdq(image)[0], pdq(copy.astype(np.uint8))[0]) <= 31


def test_pdq_tells_pictures_apart() -> None:
    image = waves(400, 300)
    assert distance(pdq(image)[0], pdq(image[::-1].copy())[0]) > 31


def test_pdq_of_a_flat_image_has_no_quality() -> None:
    assert pdq(np.full((100, 100, 3), 90, np.uint8))[1] == 0
