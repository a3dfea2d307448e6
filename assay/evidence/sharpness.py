"""Local sharpness inconsistency: an area that is softer or crisper than its content explains.

Pasting resizes, retouching smooths, and an editor softens a seam; the rest of the picture keeps the
sharpness of one lens, one sensor and one development.
"""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence import Examiner
from assay.evidence.consistency import Statistic, inconsistency
from assay.evidence.residuals import DIAGONAL, Plane, Planes, luma, residual
from assay.records import Hypothesis, Measurement, Photo

_REBLUR = 0.8
"""Pixels, standard deviation; stronger blurs measure content, and transfer worse."""
_FLOOR, _REBLURRED_FLOOR = 0.2, 0.05
"""Grey levels: below them the residual is rounding."""


class SharpnessInconsistency(Examiner):
    """How much detail a second blur takes, against what texture and brightness explain.

    The statistic of a block is the log ratio of mean absolute diagonal wavelet coefficients after
    and before a Gaussian blur: what is already soft loses little (Crete et al., "The blur effect:
    perception and estimation with a new no-reference perceptual blur metric", 2007; the ratio of
    two scales as in Zhuo & Sim, "Defocus map estimation from a single image", 2011). Regression
    and robust z-score are those of the noise.
    """

    name: ClassVar[str] = "sharpness_inconsistency"
    title: ClassVar[str] = "local sharpness inconsistency"
    suggests: ClassVar[Hypothesis] = Hypothesis.EDITED
    points: ClassVar[float] = 0.45

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; see `inconsistency` for value, regions and heatmap."""
        return inconsistency(self.name, photo, _SHARPNESS)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """Grain everywhere; in the suspicious one a disc is blurred."""
        noise = np.random.default_rng(0).normal(0, 1, (192, 192, 3))
        coarse = cv2.GaussianBlur(noise, (0, 0), 6)
        crisp = 128 + 300 * coarse + 12 * noise
        rows, columns = np.mgrid[:192, :192]
        disc = (np.hypot(rows - 96, columns - 80) < 40)[..., None]
        blurred = np.where(disc, cv2.GaussianBlur(crisp, (0, 0), 1.2), crisp)
        return _photo(blurred), _photo(crisp)


def _photo(picture: npt.NDArray[np.float64]) -> Photo:
    return Photo(b"", picture.clip(0, 255).astype(np.uint8), "PNG")


def _before_and_after(rgb: Planes) -> tuple[Plane, Plane]:
    grey = luma(rgb)
    blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), _REBLUR), np.float32)
    return np.abs(residual(grey, DIAGONAL)), np.abs(residual(blurred, DIAGONAL))


def _kept(before: Plane, after: Plane) -> Plane:
    return np.asarray(np.log((after + _REBLURRED_FLOOR) / (before + _FLOOR)))


_SHARPNESS = Statistic(_before_and_after, _kept)
