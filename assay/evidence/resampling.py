"""Lattice (resampling) peaks: the periodic trace of interpolation, also a generator's upsampling.

Upsampling copies the spectrum to the multiples of the old sampling frequency and its filter only
dampens the copies: an energy hole remains between content and copies, and a high-pass residual
varies with a period, which makes peaks. JPEG has peaks of its own, at the multiples of 1/8.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence import Examiner, Role
from assay.evidence.residuals import DIAGONAL, Plane, luma, residual, why_not
from assay.evidence.tiles import frequencies, local_mean, magnitudes, mean, side_of, tiles
from assay.records import Hypothesis, Measurement, Photo, Pixels

_LARGEST_TILE = 512
"""Pixels; larger images average the spectra of tiles, so the time stays linear in pixels."""
_NEIGHBOURHOOD = 15
"""Frequencies a side over which a peak is compared."""
_CONTENT, _HOLE, _COPY = (0.08, 0.2), (0.27, 0.42), (0.45, 0.51)
"""Bands in cycles a pixel: what the picture holds, what upsampling by 2 or 4 leaves empty, and
the copy around half the sampling frequency."""
_PEAK_WEIGHT = 0.3
"""Of the strongest peak's log ratio against the depth of the hole; measured on aligned pairs."""


class ResamplingPeaks(Examiner):
    """How deep the hole between content and lattice copies is, and how high a peak stands.

    The diagonal residual is divided by its local mean magnitude, so that every part of the image
    counts alike and not only its edges. The hole is a difference of mean log magnitudes between
    bands; the peak is the largest log ratio of magnitude to local mean in the spectrum of the
    residual's absolute value, which a periodic variance turns into lines. Sources: Gallagher,
    "Detection of linear and cubic interpolation in JPEG compressed images", 2005; Mahdian & Saic,
    "Blind authentication using periodic properties of interpolation", 2008; for generators Zhang,
    Karaman & Chang, "Detecting and simulating artifacts in GAN fake images", 2019, and Frank et
    al., "Leveraging frequency analysis for deep fake image recognition", 2020.
    """

    role: ClassVar[Role] = Role.SHOWN
    name: ClassVar[str] = "resampling_peaks"
    title: ClassVar[str] = "lattice (resampling) peaks"
    suggests: ClassVar[Hypothesis] = Hypothesis.GENERATED

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; one global value, no heatmap."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        residuals, variances = mean(_spectra(photo.pixels))
        return Measurement(self.name, _hole(residuals) + _PEAK_WEIGHT * _peak(variances))

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """Noise enlarged 1.5 times by bilinear interpolation, and noise at its native size."""
        noise = np.random.default_rng(0).integers(60, 196, (192, 192, 3)).astype(np.uint8)
        scene = cv2.GaussianBlur(noise, (0, 0), 0.7)
        enlarged = cv2.resize(scene[:128, :128], (192, 192), interpolation=cv2.INTER_LINEAR)
        return Photo(b"", np.asarray(enlarged), "PNG"), Photo(b"", np.asarray(scene), "PNG")


def _spectra(pixels: Pixels) -> Iterator[Plane]:
    """Spectra ``[2, t, t // 2 + 1]`` of tiles: the residual's and its absolute value's."""
    for window, place in tiles(pixels, side_of(pixels, _LARGEST_TILE)):
        equalised = _equalised(residual(luma(window), DIAGONAL))[place]
        yield np.stack([magnitudes(equalised), magnitudes(np.abs(equalised))])


def _equalised(high_pass: Plane) -> Plane:
    """A residual over its local mean magnitude, clipped: every part counts alike."""
    level = cv2.blur(np.abs(high_pass), (9, 9), borderType=cv2.BORDER_REFLECT) + 0.3
    return np.clip(high_pass / level, -3, 3)


def _hole(magnitude: Plane) -> float:
    """Mean log magnitude of content and copy above that of the frequencies between them."""
    content, hole, copy = _bands(magnitude.shape[0])
    level = np.log(magnitude + 1e-3)
    return float(level[content].mean() + level[copy].mean() - 2 * level[hole].mean())


def _peak(magnitude: Plane) -> float:
    """The largest log ratio of a magnitude to the mean magnitude around it."""
    ratio = (magnitude + 1e-6) / (local_mean(magnitude, _NEIGHBOURHOOD) + 1e-6)
    return float(np.log(ratio[_eligible(magnitude.shape[0])].max()))


@lru_cache(maxsize=8)
def _bands(side: int) -> list[npt.NDArray[np.bool_]]:
    """Where content, hole and copy lie in a spectrum."""
    rows, columns = frequencies(side)
    highest = np.maximum(np.abs(rows), columns)
    return [(highest >= low) & (highest < high) for low, high in (_CONTENT, _HOLE, _COPY)]


@lru_cache(maxsize=8)
def _eligible(side: int) -> npt.NDArray[np.bool_]:
    """Frequencies where a peak counts: neither the picture's content nor JPEG's harmonics."""
    rows, columns = frequencies(side)
    lattice = _near_eighth(rows, side) & _near_eighth(columns, side)
    eligible: npt.NDArray[np.bool_] = np.maximum(np.abs(rows), columns) > _CONTENT[0]
    return eligible & ~lattice


def _near_eighth(frequency: npt.NDArray[Any], side: int) -> npt.NDArray[np.bool_]:
    """Whether a frequency is a multiple of 1/8 or leaks from one through the Hann window."""
    near: npt.NDArray[np.bool_] = np.abs(frequency * 8 - np.round(frequency * 8)) / 8 < 2.1 / side
    return near
