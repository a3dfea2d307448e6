"""Which kind of file a photo is, for thresholds of its own: how strongly compressed, how large."""

from __future__ import annotations

import io
from functools import cache

import numpy as np

from assay import images
from assay.records import Photo

QUALITIES = (75, 90)
"""Estimated JPEG qualities at which the next class begins."""
LONG_SIDES = (512, 1200)
"""Pixels along the longer side at which the next class begins."""
NOT_JPEG = "not JPEG"
"""Files without quantisation tables: lossless ones, and WebP, which keeps its own to itself."""


@cache
def names() -> tuple[str, ...]:
    """All strata that there are."""
    qualities = [f"JPEG {_class(value, QUALITIES)}" for value in (0, *QUALITIES)]
    sizes = [_class(value, LONG_SIDES) for value in (0, *LONG_SIDES)]
    return tuple(f"{kind}, {size} px" for kind in (*qualities, NOT_JPEG) for size in sizes)


def stratum(photo: Photo) -> str:
    """The compression and the size class of ``photo``, such as ``JPEG 75-89, 512-1199 px``."""
    return f"{compression_class(photo)}, {size_class(photo)}"


def compression_class(photo: Photo) -> str:
    """How strongly ``photo`` is compressed, such as ``JPEG 75-89``, or `NOT_JPEG`."""
    quality = jpeg_quality(photo)
    return NOT_JPEG if quality is None else f"JPEG {_class(quality, QUALITIES)}"


def size_class(photo: Photo) -> str:
    """How long the longer side of ``photo`` is, such as ``512-1199 px``."""
    return f"{_class(max(photo.size), LONG_SIDES)} px"


def jpeg_quality(photo: Photo) -> int | None:
    """The libjpeg quality 1..100 whose quantisation tables add up nearest to those of ``photo``.

    None for files without such tables. Sums, not single entries, as encoders other than libjpeg
    have tables of their own (the rule of ImageMagick's ``identify``).
    """
    total = int(photo.metadata.get("qtables", 0))
    if total == 0:
        return None
    sums = _table_sums("L" if photo.metadata.get("mode") == "L" else "RGB")
    return int(np.abs(np.array(sums) - total).argmin()) + 1


def _class(value: int, limits: tuple[int, ...]) -> str:
    below = [limit for limit in limits if limit <= value]
    above = [limit for limit in limits if limit > value]
    if not below:
        return f"under {above[0]}"
    return f"{below[-1]}-{above[0] - 1}" if above else f"from {below[-1]}"


@cache
def _table_sums(mode: str) -> tuple[int, ...]:
    """What libjpeg's tables add up to at qualities 1..100, as the encoder here writes them."""
    return tuple(_table_sum(mode, quality) for quality in range(1, 101))


def _table_sum(mode: str, quality: int) -> int:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new(mode, (8, 8)).save(buffer, "JPEG", quality=quality)
    return int(images.header(buffer.getvalue())["qtables"])
