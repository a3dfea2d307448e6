"""Square tiles for spectra: their time stays linear and their memory bounded in large images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import scipy.fft

from assay.evidence.residuals import Plane
from assay.records import Pixels

_HARMONIC = 8
"""Sides are multiples of it, which puts JPEG's harmonics on exact frequencies."""
MARGIN = 16
"""Pixels around a tile that filters may look at."""


def side_of(pixels: Pixels, largest: int) -> int:
    """The side of the tiles of an image, at most ``largest``."""
    height, width = pixels.shape[:2]
    return int(min(largest, min(height, width) // _HARMONIC * _HARMONIC))


def tiles(
    pixels: Pixels, side: int, most: int | None = None
) -> Iterator[tuple[Pixels, tuple[slice, slice]]]:
    """Evenly spaced tiles with the least overlap, ``most`` along each side of the image.

    Each comes as a view of the pixels, `MARGIN` wider where the image is, and the place of the
    tile ``[side, side]`` in it.
    """
    height, width = pixels.shape[:2]
    for top in _starts(height, side, most):
        for left in _starts(width, side, most):
            above, before = min(MARGIN, top), min(MARGIN, left)
            window = pixels[top - above : top + side + MARGIN, left - before : left + side + MARGIN]
            yield window, (slice(above, above + side), slice(before, before + side))


def magnitudes(tile: Plane) -> Plane:
    """Magnitude spectrum ``[side, side // 2 + 1]`` under a Hann window, row frequencies centred."""
    taper = np.hanning(len(tile)).astype(np.float32)
    windowed = (tile - tile.mean()) * (taper[:, None] * taper)
    return np.asarray(np.fft.fftshift(np.abs(scipy.fft.rfft2(windowed)), axes=0), np.float32)


def mean(spectra: Iterable[Plane]) -> Plane:
    """Mean of at least one; each is added as it comes, so that they are never all in memory."""
    coming = iter(spectra)
    total, count = np.array(next(coming)), 1
    for spectrum in coming:
        total += spectrum
        count += 1
    return total / np.float32(count)


def frequencies(side: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Row ``[side, 1]`` and column ``[1, side // 2 + 1]`` frequencies of `magnitudes`."""
    return np.fft.fftshift(np.fft.fftfreq(side))[:, None], np.fft.rfftfreq(side)[None, :]


def local_mean(spectrum: Plane, neighbourhood: int) -> Plane:
    """Mean over a square of frequencies, against which a peak is compared."""
    square = (neighbourhood, neighbourhood)
    return np.asarray(cv2.blur(spectrum, square, borderType=cv2.BORDER_REFLECT))


def _starts(length: int, side: int, most: int | None) -> list[int]:
    """Evenly spaced tile origins that cover ``length``, or sample it where ``most`` are fewer."""
    count = -(-length // side)
    return [int(start) for start in np.linspace(0, length - side, min(count, most or count))]
