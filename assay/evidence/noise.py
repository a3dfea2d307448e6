"""Local noise inconsistency: an area whose noise does not belong to the rest of the image.

One camera, one development and one compression leave a noise level that brightness and texture
explain. A pasted, erased or smoothed area brings its own.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from assay.evidence import Examiner, Role
from assay.evidence.consistency import Statistic, grey_photo, inconsistency
from assay.evidence.residuals import DIAGONAL, Plane, Planes, luma, residual
from assay.records import Hypothesis, Measurement, Photo

_NOISE_FLOOR = 0.3
"""Grey levels, about the rounding noise of 8 bits: below it JPEG has left nothing to compare."""
_TYPICAL_SPREAD = 0.3
"""Log units, of unexplained noise in photographs."""


class NoiseInconsistency(Examiner):
    """Block-wise noise against what texture and brightness explain, as a robust z-score.

    The noise level of overlapping blocks is the mean absolute diagonal wavelet coefficient
    (Mahdian & Saic, "Using noise inconsistencies for blind image forensics", 2009). As content
    passes through any high-pass filter, its logarithm is regressed on local gradient and
    brightness, in the spirit of the noise-level functions of Lyu, Pan & Zhang ("Exposing region
    splicing forgeries with blind local noise estimation", 2014). What remains is scaled by the
    image's own spread, shrunk towards a typical one, so that neither an even picture nor a rough
    one decides alone.
    """

    role: ClassVar[Role] = Role.SHOWN
    name: ClassVar[str] = "noise_inconsistency"
    title: ClassVar[str] = "local noise inconsistency"
    suggests: ClassVar[Hypothesis] = Hypothesis.PASTED
    points: ClassVar[float] = 0.45

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; see `inconsistency` for value, regions and heatmap."""
        return inconsistency(self.name, photo, _NOISE)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """Noise of 2 grey levels everywhere; in the suspicious one a disc has 8."""
        rng = np.random.default_rng(0)
        rows, columns = np.mgrid[:192, :192]
        scene = 120 + 40 * np.sin(columns / 25) + 30 * np.cos(rows / 31)
        noise = rng.normal(0, 2, (192, 192))
        disc = np.hypot(rows - 96, columns - 80) < 40
        return grey_photo(scene + np.where(disc, 4 * noise, noise)), grey_photo(scene + noise)


def _magnitude(rgb: Planes) -> tuple[Plane]:
    return (np.abs(residual(luma(rgb), DIAGONAL)),)


def _level(magnitude: Plane) -> Plane:
    return np.asarray(np.log(magnitude + _NOISE_FLOOR))


_NOISE = Statistic(_magnitude, _level, typical_spread=_TYPICAL_SPREAD)
