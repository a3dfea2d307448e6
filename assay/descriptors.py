"""What an image looks like in a few numbers, by which a monitor notices that the inputs moved.

They say nothing of whether an image was manipulated: no verdict reads them.
"""

from __future__ import annotations

import cv2
import numpy as np

from assay.records import Photo, Pixels
from assay.strata import jpeg_quality

NAMES = (
    "width", "height", "megapixels", "aspect", "brightness", "contrast", "sharpness", "entropy",
    "colourfulness", "jpeg_quality", "bytes_per_pixel",
)  # fmt: skip
"""All that `describe` may hold, in the order of tables."""


def describe(photo: Photo) -> dict[str, float]:
    """The descriptors of ``photo`` by name, all of them finite.

    ``width`` and ``height`` in pixels, ``aspect`` their ratio; ``brightness`` and ``contrast`` the
    mean and the standard deviation of grey levels 0..255; ``sharpness`` the variance of their
    Laplacian (Pech-Pacheco et al. 2000); ``entropy`` of their histogram in bits, 0..8;
    ``colourfulness`` by Hasler and Süsstrunk 2003; ``jpeg_quality`` as `assay.strata` estimates it,
    absent for files without quantisation tables; ``bytes_per_pixel`` of the file.
    """
    width, height = photo.size
    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    mean, deviation = cv2.meanStdDev(grey)
    found = {
        "width": width,
        "height": height,
        "megapixels": width * height / 1e6,
        "aspect": width / height,
        "brightness": mean.item(),
        "contrast": deviation.item(),
        "sharpness": _sharpness(grey),
        "entropy": _entropy(grey),
        "colourfulness": _colourfulness(photo.pixels),
        "bytes_per_pixel": len(photo.data) / (width * height),
    }
    quality = jpeg_quality(photo)
    if quality is not None:
        found["jpeg_quality"] = quality
    return {name: float(found[name]) for name in NAMES if name in found}


def _sharpness(grey: Pixels) -> float:
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    return float(deviation.item()) ** 2


def _entropy(grey: Pixels) -> float:
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256])
    shares = counts[counts > 0] / grey.size
    return abs(float((shares * np.log2(shares)).sum()))  # an image of one level: 0, not -0


def _colourfulness(pixels: Pixels) -> float:
    """Spread and mean of the two opponent colours; doubled, so that whole numbers hold both."""
    red, green, blue = (channel.astype(np.int16) for channel in cv2.split(pixels))
    opponents = cv2.merge([2 * (red - green), red + green - 2 * blue])
    means, deviations = cv2.meanStdDev(opponents)
    return float(np.hypot(*deviations).item() + 0.3 * np.hypot(*means).item()) / 2
