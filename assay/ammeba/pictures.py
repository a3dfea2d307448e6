"""Whether a downloaded image is the one that was annotated, by the hashes that are published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt
from typing import TYPE_CHECKING

from assay.ammeba.labels import Dropped
from assay.ammeba.tables import ImageFacts
from assay.records import Pixels

if TYPE_CHECKING:
    from imagehash import ImageHash
    from PIL.Image import Image

MOST_DISTANCE = 0.16
"""Share of a hash's bits in which the same picture, saved or scaled anew, differs at most."""


def another_picture(pixels: Pixels, facts: ImageFacts, most: float = MOST_DISTANCE) -> str:
    """Why ``pixels`` ``[h, w, 3]`` are not the image of ``facts``; empty where they are.

    Each hash that is published has to lie within ``most`` of its bits, upright or in a quarter
    turn: nobody says whether it was taken before a camera's orientation was applied. Where none is
    published, nothing can be said, which is a reason too.
    """
    from PIL.Image import Transpose, fromarray

    published = {"average_hash": facts.average_hash, "phash": facts.phash}
    published = {name: told for name, told in published.items() if _side(told)}
    if not published:
        return Dropped.NO_HASH.because(
            "no hash is published that could tell whether it is the same"
        )
    upright = fromarray(pixels)
    if not (reason := _difference(upright, published, most)):
        return ""
    turns = Transpose.ROTATE_90, Transpose.ROTATE_180, Transpose.ROTATE_270
    turned = (upright.transpose(turn) for turn in turns)
    return "" if any(not _difference(one, published, most) for one in turned) else reason


def _difference(image: Image, published: Mapping[str, str], most: float) -> str:
    """Why `imagehash`'s hashes of ``image`` are not those ``published``, by name."""
    import imagehash

    ways: dict[str, Callable[..., ImageHash]] = {
        "average_hash": imagehash.average_hash,
        "phash": imagehash.phash,
    }
    for name, expected in published.items():
        bits = _side(expected) ** 2
        distance = imagehash.hex_to_hash(expected) - ways[name](image, _side(expected))
        if distance > most * bits:
            return Dropped.OTHER_PICTURE.because(f"its {name} differs in {distance} of {bits} bits")
    return ""


def _side(hexadecimal: str) -> int:
    """The rows of bits that a hash was written from; 0 where it is no square of them."""
    side = isqrt(4 * len(hexadecimal))
    return side if side > 1 and side * side == 4 * len(hexadecimal) else 0
