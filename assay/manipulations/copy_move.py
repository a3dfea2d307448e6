"""A part of the image, cloned to another place of the same image."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.manipulations import Manipulation
from assay.manipulations.regions import (
    blob,
    centroid,
    composite,
    feather,
    similarity,
    trimmed,
    warp,
)
from assay.records import Mask, Pixels

_CANDIDATES = 6


class CopyMove(Manipulation):
    """Cover a region with another part of the image, half of the time turned, scaled or flipped."""

    name = "copy_move"

    def apply(self, image: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
        """Clone a feathered irregular region covering about 3-20 % of the image."""
        region = blob(rng, image.shape, (0.04, 0.2))
        clones = [_moved(image, region, rng) for _ in range(_CANDIDATES)]
        clone = max(clones, key=lambda moved: _plausibility(image, moved, region))
        if rng.random() < 0.5:
            region = trimmed(region, clone)
        return composite(image, clone, feather(region, rng.uniform(0.5, 1.5)))


def _moved(image: Pixels, region: Mask, rng: np.random.Generator) -> Pixels:
    """The whole image, moved so that another part of it lies under the region."""
    target = centroid(region)
    source = _source_point(target, image.shape, rng)
    if rng.random() < 0.5:
        return warp(image, similarity(source, source + np.rint(target - source)))
    angle, scale = rng.normal(0, 8), rng.uniform(0.85, 1.2)
    return warp(image, similarity(source, target, angle, scale, mirror=bool(rng.random() < 0.3)))


def _source_point(
    target: npt.NDArray[np.float64], shape: tuple[int, ...], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The farthest from ``target`` of a few random points (x, y) well inside the image."""
    points = rng.uniform(0.15, 0.85, (3, 2)) * (shape[1], shape[0])
    return np.asarray(points[np.linalg.norm(points - target, axis=1).argmax()])


def _plausibility(image: Pixels, moved: Pixels, region: Mask) -> float:
    """How much a clone changes inside the region for how little shows along the seam.

    Sky cloned onto sky deceives nobody, and neither does a coat in the middle of a lawn.
    """
    core = cv2.erode(region.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    return _difference(image, moved, region) / (8 + _difference(image, moved, region & ~core))


def _difference(image: Pixels, moved: Pixels, where: Mask) -> float:
    """Mean absolute difference, grey levels."""
    return float(np.abs(image[where].astype(np.int16) - moved[where]).mean())
