"""Local noise inconsistency: an area whose noise does not belong to the rest of the image.

One camera, one development and one compression leave a noise level that brightness and texture
explain. A pasted, erased or smoothed area brings its own.
"""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from assay.evidence import Examiner
from assay.evidence.residuals import DIAGONAL, Plane, luma, residual, why_not
from assay.records import Heatmap, Hypothesis, Measurement, Photo, Region

_BLOCK, _STRIDE = 16, 8
"""Pixels; small enough for a face, large enough for 256 residuals; neighbours overlap by half."""
_NOISE_FLOOR = 0.3
"""Grey levels, about the rounding noise of 8 bits: below it JPEG has left nothing to compare."""
_TYPICAL_SPREAD = 0.3
"""Log units, of unexplained noise in photographs; the image's own is shrunk halfway to it."""
_CLIPPED = (4.0, 251.0)
"""Grey levels; darker or brighter blocks are clipped, so their noise is cut off."""
_FEWEST_BLOCKS = 32
_AREA_LEVEL = 1.0
"""Robust deviations of a smoothed block from which it can belong to a suspicious area."""
_REGION_LEVEL = 2.5
_MOST_REGIONS = 5


class NoiseInconsistency(Examiner):
    """Block-wise noise against what texture and brightness explain, as a robust z-score.

    The noise level of overlapping blocks is the mean absolute diagonal wavelet coefficient
    (Mahdian & Saic, "Using noise inconsistencies for blind image forensics", 2009). As content
    passes through any high-pass filter, its logarithm is regressed on local gradient and
    brightness, in the spirit of the noise-level functions of Lyu, Pan & Zhang ("Exposing region
    splicing forgeries with blind local noise estimation", 2014). What remains is scaled by the
    image's own spread, shrunk towards a typical one, so that neither an even picture nor a rough
    one decides alone. The value is the mean deviation of the strongest connected area times the
    root of its share of the image: large areas that deviate a little count like small ones that
    deviate much.
    """

    name: ClassVar[str] = "noise_inconsistency"
    title: ClassVar[str] = "local noise inconsistency"
    suggests: ClassVar[Hypothesis] = Hypothesis.PASTED

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; the heatmap has one cell for each 8x8 pixels."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        deviation = _deviation(luma(photo))
        if deviation is None:
            return Measurement(self.name, not_applicable="too few blocks that are not clipped")
        return Measurement(
            self.name, _strongest_area(deviation), _regions(deviation), _suspicion(deviation)
        )

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """Noise of 2 grey levels everywhere; in the suspicious one a disc has 8."""
        rng = np.random.default_rng(0)
        rows, columns = np.mgrid[:192, :192]
        scene = 120 + 40 * np.sin(columns / 25) + 30 * np.cos(rows / 31)
        noise = rng.normal(0, 2, (192, 192))
        disc = np.hypot(rows - 96, columns - 80) < 40
        return _grey_photo(scene + np.where(disc, 4 * noise, noise)), _grey_photo(scene + noise)


def _grey_photo(plane: npt.NDArray[np.float64]) -> Photo:
    grey = np.clip(plane, 0, 255).astype(np.uint8)
    return Photo(b"", np.repeat(grey[..., None], 3, axis=2), "PNG")


def _deviation(grey: Plane) -> Plane | None:
    """Smoothed robust z-score of each block's unexplained noise ``[rows, columns]``."""
    brightness = _pool(grey)
    usable = (brightness > _CLIPPED[0]) & (brightness < _CLIPPED[1])
    if usable.sum() < _FEWEST_BLOCKS:
        return None
    noise = np.log(_pool(np.abs(residual(grey, DIAGONAL))) + _NOISE_FLOOR)
    texture, light = np.log(_pool(_gradient(grey)) + 1), brightness / 255
    terms = (np.ones_like(light), texture, texture**2, light, light**2)
    design = np.stack(terms, axis=-1)
    unexplained, spread = _robust_residual(design[usable], noise[usable])
    deviation = np.zeros_like(noise)
    deviation[usable] = unexplained / np.sqrt(spread * _TYPICAL_SPREAD)
    return np.asarray(cv2.blur(deviation, (3, 3), borderType=cv2.BORDER_REFLECT))


def _pool(plane: Plane) -> Plane:
    """Means over overlapping blocks ``[rows, columns]``."""
    half = _BLOCK // 2
    means = cv2.blur(plane, (_BLOCK, _BLOCK))
    return np.ascontiguousarray(means[half : 1 - half : _STRIDE, half : 1 - half : _STRIDE])


def _gradient(grey: Plane) -> Plane:
    """Gradient magnitude of the smoothed picture: texture that is no pixel noise."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    return np.asarray(cv2.magnitude(cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1)))


def _robust_residual(design: Plane, target: Plane) -> tuple[Plane, float]:
    """Residuals of a bisquare regression (Beaton & Tukey 1974) and their robust deviation."""
    weights = np.ones_like(target)
    ridge = np.eye(design.shape[1], dtype=np.float32) * 1e-3
    for _ in range(5):
        weighted = design * weights[:, None]
        fit = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ target)
        left = target - design @ fit
        spread = 1.4826 * float(np.median(np.abs(left))) + 1e-3
        weights = np.clip(1 - (left / (4.685 * spread)) ** 2, 0.02, 1).astype(np.float32) ** 2
    return left, spread


def _strongest_area(deviation: Plane) -> float:
    """Largest of mean |z| x sqrt(area / image area) over connected areas of one sign."""
    strongest = 0.0
    for signed in (deviation, -deviation):
        areas, count = ndimage.label(signed > _AREA_LEVEL)
        index = np.arange(1, count + 1)
        if count:
            sums = ndimage.sum_labels(signed, areas, index)
            sizes = ndimage.sum_labels(np.ones_like(signed), areas, index)
            strongest = max(strongest, float(np.max(sums / np.sqrt(sizes * signed.size))))
    return strongest


def _suspicion(deviation: Plane) -> Heatmap:
    """|z| squashed into 0..1, one half at the level of a region."""
    return (1 - np.exp2(-np.abs(deviation) / _REGION_LEVEL)).astype(np.float32)


def _regions(deviation: Plane) -> tuple[Region, ...]:
    """Boxes of connected areas above the level, the strongest first."""
    strength = np.abs(deviation)
    areas, _ = ndimage.label(strength > _REGION_LEVEL)
    rows, columns = strength.shape
    found = [
        (float(strength[box].sum()), box) for box in ndimage.find_objects(areas) if box is not None
    ]
    found.sort(key=lambda entry: -entry[0])
    return tuple(
        Region(x.start / columns, y.start / rows, x.stop / columns, y.stop / rows)
        for _, (y, x) in found[:_MOST_REGIONS]
    )
