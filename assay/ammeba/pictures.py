"""Whether a downloaded image is the one that was annotated, by the hashes that are published."""

from __future__ import annotations

from math import isqrt

from assay.ammeba.labels import Dropped
from assay.ammeba.tables import ImageFacts
from assay.records import Pixels

MOST_DISTANCE = 0.16
"""Share of a hash's bits in which the same picture, saved or scaled anew, differs at most."""


def another_picture(pixels: Pixels, facts: ImageFacts, most: float = MOST_DISTANCE) -> str:
    """Why ``pixels`` ``[h, w, 3]`` are not the image of ``facts``; empty where they are.

    Each hash that is published has to lie within ``most`` of its bits. Where none is, nothing can
    be said, which is a reason too. The hashes are `imagehash`'s average_hash and phash.
    """
    import imagehash
    from PIL import Image

    ways = (
        ("average_hash", facts.average_hash, imagehash.average_hash),
        ("phash", facts.phash, imagehash.phash),
    )
    published = [way for way in ways if _side(way[1])]
    if not published:
        return Dropped.NO_HASH.because(
            "no hash is published that could tell whether it is the same"
        )
    image = Image.fromarray(pixels)
    for name, expected, hashed in published:
        bits = _side(expected) ** 2
        distance = imagehash.hex_to_hash(expected) - hashed(image, _side(expected))
        if distance > most * bits:
            return Dropped.OTHER_PICTURE.because(f"its {name} differs in {distance} of {bits} bits")
    return ""


def _side(hexadecimal: str) -> int:
    """The rows of bits that a hash was written from; 0 where it is no square of them."""
    side = isqrt(4 * len(hexadecimal))
    return side if side > 1 and side * side == 4 * len(hexadecimal) else 0
