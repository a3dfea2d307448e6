"""PDQ, the perceptual hash that platforms exchange to recognise a picture.

Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019. Equal bit
for bit to the reference implementation, whose package has to be compiled on Linux
(docs/decisions/0052-pdq.md). Its authors first reduce an image to at most 512 pixels a side.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.records import Pixels

_Plane = npt.NDArray[np.float64]

_LUMA = np.array([0.299, 0.587, 0.114])
_SIDE = 64
_FREQUENCIES = 16
_QUALITY_DIVISOR = 90
_DCT: _Plane = np.sqrt(2 / _SIDE) * np.cos(
    np.pi / (2 * _SIDE) * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(_SIDE) + 1)
)


def pdq(pixels: Pixels) -> tuple[bytes, int]:
    """The hash (32 bytes) of RGB pixels ``[h, w, 3]`` and its quality, 0 (flat) to 100."""
    plane = _reduced(np.ascontiguousarray(_reduced(pixels @ _LUMA).T)).T
    spectrum = _DCT @ plane @ _DCT.T
    lower_median = np.sort(spectrum, axis=None)[spectrum.size // 2 - 1]
    bits = (spectrum > lower_median).ravel()[::-1]
    return np.packbits(bits).tobytes(), _quality(plane)


def _reduced(plane: _Plane) -> _Plane:
    """Smooth along the first axis, then keep `_SIDE` evenly spaced positions of it."""
    kept = ((np.arange(_SIDE) + 0.5) * len(plane) / _SIDE).astype(int)
    # Two box filters one after the other make a tent (Jarosz).
    smooth: _Plane = _box_filtered(_box_filtered(plane))[kept]
    return smooth


def _box_filtered(plane: _Plane) -> _Plane:
    """Means along the first axis over as many pixels as half of one that is kept; edges are cut."""
    length = len(plane)
    window = -(-length // (2 * _SIDE))
    behind = window - (window + 2) // 2
    index = np.arange(length)
    counts = np.minimum(index - behind + window, length) - np.maximum(index - behind, 0)
    sums = cv2.boxFilter(
        plane, -1, (1, window), None, (0, behind), normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    means: _Plane = sums / counts[:, None]
    return means


def _quality(plane: _Plane) -> int:
    """Sum of the gradients, each in whole percent of the range."""
    percents = (np.trunc(np.diff(plane, axis=axis) * 100 / 255) for axis in (0, 1))
    return min(100, int(sum(np.abs(p).sum() for p in percents) / _QUALITY_DIVISOR))
