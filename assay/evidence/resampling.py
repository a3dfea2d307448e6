"""Lattice (resampling) peaks: the periodic trace of interpolation, also a generator's upsampling.

Interpolated pixels are weighted means of their neighbours with weights that repeat, so a second
derivative varies with a period and its spectrum has peaks. JPEG makes peaks of its own, at the
multiples of 1/8 of the sampling frequency.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence import Examiner
from assay.evidence.residuals import LAPLACIAN, Plane, luma, residual, why_not
from assay.records import Measurement, Photo

_LARGEST_TILE = 512
"""Pixels; larger images average the spectra of tiles, so the time stays linear in pixels."""
_NEIGHBOURHOOD = 15
"""Frequencies a side over which a peak is compared."""
_LOWEST_FREQUENCY = 0.1
"""Cycles a pixel; below it the picture's content lives."""


class ResamplingPeaks(Examiner):
    """How far the strongest peak stands above its spectral neighbourhood.

    The second derivative is divided by its local mean magnitude, so that every part of the image
    counts alike and not only its edges; then the largest ratio of spectral magnitude to local mean
    magnitude is taken. Sources: Gallagher, "Detection of linear and cubic interpolation in JPEG
    compressed images", 2005; Mahdian & Saic, "Blind authentication using periodic properties of
    interpolation", 2008; generators: Zhang, Karaman & Chang, "Detecting and simulating artifacts
    in GAN fake images", 2019; Frank et al., "Leveraging frequency analysis for deep fake image
    recognition", 2020.
    """

    name: ClassVar[str] = "resampling_peaks"
    title: ClassVar[str] = "lattice (resampling) peaks"

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; one global value, no heatmap."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        derivative = _equalised(residual(luma(photo), LAPLACIAN))
        return Measurement(self.name, max(map(_peak, (derivative, np.abs(derivative)))))

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """Noise enlarged 1.5 times by bilinear interpolation, and noise at its native size."""
        noise = np.random.default_rng(0).integers(60, 196, (192, 192, 3)).astype(np.uint8)
        scene = cv2.GaussianBlur(noise, (0, 0), 0.7)
        enlarged = cv2.resize(scene[:128, :128], (192, 192), interpolation=cv2.INTER_LINEAR)
        return Photo(b"", np.asarray(enlarged), "PNG"), Photo(b"", np.asarray(scene), "PNG")


def _peak(plane: Plane) -> float:
    """The largest ratio of spectral magnitude to the mean magnitude around it."""
    magnitude = _spectrum(plane - plane.mean())
    mean = cv2.blur(magnitude, (_NEIGHBOURHOOD,) * 2, borderType=cv2.BORDER_REFLECT)
    ratio = magnitude / (mean + 1e-6)
    return float(ratio[_eligible(magnitude.shape[0])].max())


def _equalised(derivative: Plane) -> Plane:
    """The derivative over its local mean magnitude, clipped: every part counts alike."""
    level = cv2.blur(np.abs(derivative), (9, 9), borderType=cv2.BORDER_REFLECT) + 0.3
    return np.clip(derivative / level, -3, 3)


def _spectrum(plane: Plane) -> Plane:
    """Mean magnitude spectrum over square tiles ``[t, t // 2 + 1]``, row frequencies centred.

    The side is a multiple of 8, which puts JPEG's harmonics on exact frequencies.
    """
    side = min(_LARGEST_TILE, min(plane.shape) // 8 * 8)
    window = np.outer(np.hanning(side), np.hanning(side)).astype(np.float32)
    tiles = [
        np.abs(np.fft.rfft2(plane[top : top + side, left : left + side] * window))
        for top in _starts(plane.shape[0], side)
        for left in _starts(plane.shape[1], side)
    ]
    return np.fft.fftshift(np.mean(tiles, axis=0), axes=0).astype(np.float32)


def _starts(length: int, side: int) -> list[int]:
    """Evenly spaced tile origins that cover ``length`` with the least overlap."""
    return [int(start) for start in np.linspace(0, length - side, -(-length // side))]


@lru_cache(maxsize=8)
def _eligible(side: int) -> npt.NDArray[np.bool_]:
    """Frequencies where a peak counts: neither the picture's content nor JPEG's harmonics."""
    rows = np.fft.fftshift(np.fft.fftfreq(side))[:, None]
    columns = np.fft.rfftfreq(side)[None, :]
    lattice = _near_eighth(rows, side) & _near_eighth(columns, side)
    eligible: npt.NDArray[np.bool_] = np.maximum(np.abs(rows), columns) > _LOWEST_FREQUENCY
    return eligible & ~lattice


def _near_eighth(frequency: npt.NDArray[Any], side: int) -> npt.NDArray[np.bool_]:
    """Whether a frequency is a multiple of 1/8 or leaks from one through the Hann window."""
    near: npt.NDArray[np.bool_] = np.abs(frequency * 8 - np.round(frequency * 8)) / 8 < 2.1 / side
    return near
