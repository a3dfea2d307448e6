"""What the examiners share: brightness, high-pass residuals, and when a photo is no use."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.records import Photo

Plane = npt.NDArray[np.float32]
"""One channel ``[height, width]``, float32, in grey levels."""

SMALLEST_SIDE = 64
"""Pixels; below this, neither a noise level nor a spectrum has enough samples."""

_FLAT_DEVIATION = 0.5
"""Grey levels; a picture that varies less holds nothing but rounding."""

DIAGONAL: Plane = np.array([[0.5, -0.5], [-0.5, 0.5]], np.float32)
"""The diagonal Haar wavelet: blind to edges along rows and columns, so mostly noise is left."""


def luma(photo: Photo) -> Plane:
    """Brightness ``[h, w]`` in unrounded grey levels 0..255 (ITU-R BT.601 weights)."""
    return np.asarray(cv2.cvtColor(photo.pixels.astype(np.float32), cv2.COLOR_RGB2GRAY))


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
    return ""
