"""The hashes of known images: made as published ones are, near only where pictures are."""

from __future__ import annotations

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from assay import images
from assay.image_hashes import MAX_PHASH_DISTANCE, ImageHashes
from assay.sources.photos import Photos


def crops(count: int) -> list[np.ndarray]:
    source = Photos(crop_size=192, crops_per_photo=count)
    return [images.decode(sample.image).pixels for sample in source.fetch()]


def test_hashes_are_those_of_the_library() -> None:
    pixels = crops(1)[0]
    picture = Image.fromarray(pixels)
    written = str(imagehash.average_hash(picture)), str(imagehash.phash(picture))
    assert ImageHashes.of(pixels).as_hex() == written
    assert ImageHashes.from_hex(*written) == ImageHashes.of(pixels)


@pytest.mark.parametrize(
    "texts", [("", "00ff00ff00ff00ff"), ("nan", "00ff00ff00ff00ff"), ("-0ff00ff00ff00ff",) * 2]
)
def test_what_is_no_hash_is_none(texts: tuple[str, str]) -> None:
    assert ImageHashes.from_hex(*texts) is None


def test_copies_are_near_and_other_photographs_are_not() -> None:
    originals = crops(2)
    hashed = [ImageHashes.of(pixels) for pixels in originals]
    for pixels, hashes in zip(originals, hashed, strict=True):
        small = cv2.resize(pixels, (120, 120), interpolation=cv2.INTER_AREA)
        saved = images.decode(images.encode_jpeg(small, 60)).pixels
        assert ImageHashes.of(saved).is_near(hashes) or not hashes.tells
    pairs = [a.is_near(b) for i, a in enumerate(hashed) for b in hashed[:i]]
    assert not any(pairs)
    assert sum(one.tells for one in hashed) > len(hashed) // 2


def test_both_hashes_have_to_be_near() -> None:
    one = ImageHashes(0x00FF00FF00FF00FF, 0x0F0F0F0F0F0F0F0F)
    assert one.is_near(ImageHashes(one.average_hash, one.phash ^ (1 << MAX_PHASH_DISTANCE) - 1))
    assert not one.is_near(
        ImageHashes(one.average_hash, one.phash ^ ((1 << MAX_PHASH_DISTANCE + 1) - 1))
    )
    assert not one.is_near(ImageHashes(one.average_hash ^ 0xFF, one.phash))


def test_flat_and_dark_pictures_are_never_near() -> None:
    flat = np.full((64, 64, 3), 90, np.uint8)
    spot = flat.copy()
    spot[:8, :8] = 255
    for pixels in (flat, spot):
        hashes = ImageHashes.of(pixels)
        assert not hashes.tells
        assert not hashes.is_near(hashes)
