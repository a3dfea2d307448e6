"""What happens to any image on its way from the camera to the screen: noise, blur, scaling, JPEG.

Shared by the post-processing of training pairs and by manipulations that give a region a history
of its own.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay import images
from assay.errors import ImageTooLarge
from assay.records import Pixels


def add_noise(image: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise of standard deviation ``sigma`` (grey levels); grey images stay grey."""
    field = rng.standard_normal(image.shape, dtype=np.float32)
    if is_grey(image):
        field[...] = field[..., :1]
    return to_pixels(image + sigma * field)


def blur(image: Pixels, sigma: float) -> Pixels:
    """Gaussian blur of standard deviation ``sigma`` (pixels)."""
    return cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8, copy=False)


def resized(image: Pixels, factor: float) -> Pixels:
    """Each side times ``factor``, rounded, at least one pixel; areas averaged, or bicubic.

    Raises `ImageTooLarge` beyond `assay.images.MAX_PIXELS`, before any memory is taken.
    """
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    if height * width > images.MAX_PIXELS:
        raise ImageTooLarge(f"{width}x{height} pixels exceed the limit of {images.MAX_PIXELS:,}")
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=method).astype(np.uint8, copy=False)


def sharpen(image: Pixels, sigma: float, amount: float) -> Pixels:
    """Unsharp masking: add ``amount`` times the detail that a blur of ``sigma`` pixels takes."""
    soft = cv2.GaussianBlur(image, (0, 0), sigma)
    return cv2.addWeighted(image, 1 + amount, soft, -amount, 0).astype(np.uint8, copy=False)


def recompress(image: Pixels, quality: int) -> Pixels:
    """One JPEG generation: encode at ``quality`` (1..100) and decode again."""
    return images.decode(images.encode_jpeg(image, quality)).pixels


def is_grey(image: Pixels) -> bool:
    """Whether all three channels agree everywhere."""
    return bool((image[..., :1] == image[..., 1:]).all())


def to_pixels(values: npt.NDArray[np.floating]) -> Pixels:
    """Round and clip grey levels ``[h, w, 3]`` in floating point to uint8."""
    levels: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels
