"""Where an edit happens and how it is blended in; shared by all manipulations.

`composite` is the one place where an edited image and its mask come from, so that every
manipulation keeps the same promise: outside the mask nothing changed, inside it everything did.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.degradations import to_pixels
from assay.records import Mask, Pixels

Alpha = npt.NDArray[np.float32]
"""Opacity of an edit ``[height, width]``, 0..1."""

_CORNERS = 96
_HARMONICS = np.arange(2, 8)


def blob(rng: np.random.Generator, shape: tuple[int, ...], share: tuple[float, float]) -> Mask:
    """Draw one smooth irregular region inside an image of ``shape`` (``height, width, ...``).

    ``share`` bounds its area as a fraction of the image, drawn log-uniformly; in very long images
    the shorter side limits it further. The outline is a circle stretched along a random axis, its
    radius modulated by a few random harmonics.
    """
    height, width = shape[:2]
    area = np.exp(rng.uniform(*np.log(share))) * height * width
    outline = _outline(rng) * np.sqrt(min(area, 0.5 * min(height, width) ** 2))
    low, high = -outline.min(axis=0), (width - 1, height - 1) - outline.max(axis=0)
    centre = rng.uniform(np.minimum(low, high), np.maximum(low, high))
    region = np.zeros((height, width), np.uint8)
    cv2.fillPoly(region, [np.rint(outline + centre).astype(np.int32)], 1)
    return region.astype(bool)


def _outline(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A closed curve around the origin as ``[corners, (x, y)]``, enclosing an area of one."""
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    phase = rng.uniform(0, 2 * np.pi, _HARMONICS.size)
    height = rng.normal(0, 0.35, _HARMONICS.size) / _HARMONICS
    radius = 1 + np.cos(np.outer(angle, _HARMONICS) + phase) @ height
    stretch, turn = rng.uniform(1, 1.4), rng.uniform(0, np.pi)
    x, y = radius.clip(0.3) * [np.cos(angle) * stretch, np.sin(angle) / stretch]
    curve = np.stack([x, y], axis=1) @ [
        [np.cos(turn), np.sin(turn)],
        [-np.sin(turn), np.cos(turn)],
    ]
    enclosed = 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return np.asarray(curve / np.sqrt(enclosed))


def trimmed(region: Mask, content: Pixels) -> Mask:
    """Cut ``region`` back to the object in its middle, as someone cutting out an object would.

    The object is the brighter or darker side of Otsu's threshold (1979), smoothed and in one piece;
    where it fills less than 60 % of the region, the region stays as it is.
    """
    grey = cv2.cvtColor(content, cv2.COLOR_RGB2GRAY)
    threshold, _ = cv2.threshold(grey[region], 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = grey > threshold
    depth = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 3)
    side = bright if depth[bright].sum() > depth[~bright].sum() else ~bright
    smooth = cv2.medianBlur((side & region).astype(np.uint8), 9)
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(smooth, connectivity=4)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    if not areas.size or areas.max() < 0.6 * region.sum():
        return region
    return np.asarray((pieces == 1 + areas.argmax()) & region, bool)


def feather(region: Mask, sigma: float) -> Alpha:
    """Soften the border of ``region`` by a Gaussian of ``sigma`` pixels; 0 beyond its reach."""
    alpha = cv2.GaussianBlur(region.astype(np.float32), (0, 0), sigma)
    return np.where(alpha < 1 / 256, 0, alpha).astype(np.float32)


def composite(image: Pixels, edited: npt.NDArray[np.generic], alpha: Alpha) -> tuple[Pixels, Mask]:
    """Blend ``edited`` (grey levels, any real type) over ``image``; return the result and its mask.

    The mask is the set of pixels that really differ. Where the edit is mostly opaque but happens to
    leave a pixel as it was (a clipped sky, a flat wall), that pixel moves by one grey level, so the
    mask has no holes and is never empty while ``alpha`` reaches one half somewhere.
    """
    base = image.astype(np.float32)
    result = to_pixels(base + alpha[..., None] * (edited.astype(np.float32) - base))
    idle = (result == image).all(axis=2) & (alpha >= 0.5)
    result[idle] = np.where(image[idle] < 255, image[idle] + 1, 254)
    return result, (result != image).any(axis=2)


def warp(image: Pixels, matrix: npt.NDArray[np.float64]) -> Pixels:
    """Apply an affine ``matrix`` ``[2, 3]`` (source to target, pixels), mirroring at the border."""
    height, width = image.shape[:2]
    warped = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return warped.astype(np.uint8, copy=False)


def similarity(
    source: npt.NDArray[np.float64],
    target: npt.NDArray[np.float64],
    angle: float = 0.0,
    scale: float = 1.0,
    mirror: bool = False,
) -> npt.NDArray[np.float64]:
    """The affine ``[2, 3]`` that moves point ``source`` to ``target`` (x, y), turning around it.

    ``angle`` is in degrees; ``mirror`` flips left and right first.
    """
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = scale * rotation @ np.diag([-1.0 if mirror else 1.0, 1.0])
    return np.column_stack([linear, target - linear @ source])


def centroid(region: Mask) -> npt.NDArray[np.float64]:
    """Mean position ``(x, y)`` of a non-empty region, pixels."""
    rows, columns = np.nonzero(region)
    return np.array([columns.mean(), rows.mean()])
