"""Pictures to measure with: made ones, and bundled photographs of which most are edited."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from assay import images
from assay.records import Pixels
from assay.sources.photos import Photos

QUALITY = 90
_CROP = 384
_PASTED = 96


def picture(width: int, height: int, seed: int = 0) -> Pixels:
    """Clouds, soft-edged shapes and grain, so that no examiner has nothing to do."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (height // 16 + 1, width // 16 + 1, 3)).astype(np.float32)
    fine = rng.normal(0, 1, (height // 3 + 1, width // 3 + 1, 1)).astype(np.float32)
    grain = rng.standard_normal((height, width, 3), dtype=np.float32)
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    shapes = cv2.resize(fine, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    return (120 + 30 * clouds + 18 * shapes + 3 * grain).clip(0, 255).astype(np.uint8)


def uploads(count: int, first: int = 0) -> list[bytes]:
    """``count`` distinct JPEGs of 384x256, two of three with a piece of another one pasted in."""
    return [images.encode_jpeg(_upload(seed), QUALITY) for seed in range(first, first + count)]


def strangers(count: int, first: int = 0) -> list[bytes]:
    """``count`` JPEGs of 384x256 that show nothing in common, so that none is another's sibling."""
    pictures = (picture(384, 256, seed) for seed in range(first, first + count))
    return [images.encode_jpeg(pixels, QUALITY) for pixels in pictures]


def _upload(seed: int) -> Pixels:
    """A window that no other seed has: another place of another crop, in another light."""
    rng, crops = np.random.default_rng(seed), _crops()
    base, other = (crops[n] for n in rng.choice(len(crops), 2, replace=False))
    top = int(rng.integers(_CROP - 256))
    mirrored = base[:, :: rng.choice((-1, 1))]
    window = (mirrored[top : top + 256] * rng.uniform(0.7, 1.0)).astype(np.uint8)
    if seed % 3:
        down, right = (int(rng.integers(side - _PASTED)) for side in window.shape[:2])
        window[down : down + _PASTED, right : right + _PASTED] = other[:_PASTED, :_PASTED]
    return window


@cache
def _crops() -> list[Pixels]:
    return [images.decode(one.image).pixels for one in Photos(crop_size=_CROP).fetch()]
