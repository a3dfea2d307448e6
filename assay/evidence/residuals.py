"""What the examiners share: brightness, high-pass residuals, and when a photo is no use."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.records import Photo

Plane = npt.NDArray[np.float32]
"""One channel ``[height, width]``, float32, in grey levels."""
Planes = npt.NDArray[np.float32]
"""RGB ``[height, width, 3]``, float32, in grey levels."""

SMALLEST_SIDE = 64
"""Pixels; below this, neither a noise level nor a spectrum has enough samples."""

_FLAT_DEVIATION = 0.5
"""Grey levels; a picture that varies less holds nothing but rounding."""
_GROUND, _GROUND_WIDTH, _HALFTONES = 0.6, 9, 0.1
"""A page of text or line art: at least this share of its pixels lies within so many neighbouring
tones, and at most this share between ink and ground. Seen in 1 of 1,134 labelled images, and in
every rendered page, also as JPEG of quality 60."""

DIAGONAL: Plane = np.array([[0.5, -0.5], [-0.5, 0.5]], np.float32)
"""The diagonal Haar wavelet: blind to edges along rows and columns, so mostly noise is left."""


def luma(pixels: npt.NDArray[np.uint8] | Planes) -> Plane:
    """Brightness ``[h, w]`` in unrounded grey levels 0..255 (ITU-R BT.601 weights)."""
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32, copy=False), cv2.COLOR_RGB2GRAY))


def residual(plane: Plane, kernel: Plane) -> Plane:
    """``plane`` filtered with the high-pass ``kernel``, same size, mirrored at the border."""
    return np.asarray(cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REFLECT))


def why_not(photo: Photo) -> str:
    """Why ``photo`` cannot be examined in the pixels, in a few words; empty when it can."""
    if min(photo.size) < SMALLEST_SIDE:
        return f"smaller than {SMALLEST_SIDE} pixels"
    # OpenCV, as numpy would copy the picture to float64; each channel, as a plain red is flat too.
    if cv2.meanStdDev(photo.pixels)[1].max() < _FLAT_DEVIATION:
        return "a flat picture"
    return "text or line art, which no camera took" if _is_page(photo) else ""


def _is_page(photo: Photo) -> bool:
    """Whether nearly all pixels are either ground or ink, by the histogram of green."""
    shares = cv2.calcHist([photo.pixels], [1], None, [256], [0, 256]).ravel() / np.prod(photo.size)
    ground = np.convolve(shares, np.ones(_GROUND_WIDTH), "same").max()
    dark, bright = np.searchsorted(np.cumsum(shares), (0.005, 0.995))
    quarter = (bright - dark) // 4
    halftones = shares[dark + quarter : bright - quarter + 1].sum()
    return bool(ground >= _GROUND and halftones <= _HALFTONES)
