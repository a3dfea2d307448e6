"""A piece of another photograph, pasted in with a history of its own."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.degradations import add_noise, blur, is_grey, recompress
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


class Splice(Manipulation):
    """Paste a scaled, rotated piece of the donor with a history of its own."""

    name = "splice"

    def apply(self, image: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
        """Paste a feathered irregular region covering about 3-30 % of the image."""
        region = blob(rng, image.shape, (0.04, 0.3))
        piece = _with_history(_placed(donor, region, rng), rng)
        if is_grey(image):
            piece = np.repeat(cv2.cvtColor(piece, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        if rng.random() < 0.7:
            region = trimmed(region, piece)
        adapted = _towards_tone_of(image, piece, region, rng.uniform(0.2, 0.8))
        return composite(image, adapted, feather(region, rng.uniform(0.5, 2.0)))


def _placed(donor: Pixels, region: Mask, rng: np.random.Generator) -> Pixels:
    """The donor, turned and scaled so that a random point of it lies under the region."""
    height, width = donor.shape[:2]
    point = rng.uniform(0.25, 0.75, 2) * (width, height)
    angle, scale = rng.uniform(-25, 25), np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    mirror = bool(rng.random() < 0.5)
    return warp(donor, similarity(point, centroid(region), angle, scale, mirror))


def _with_history(piece: Pixels, rng: np.random.Generator) -> Pixels:
    """Blur, noise and one JPEG generation, each at random but at least one of them."""
    softened, noisy, compressed = rng.random(3) < (0.3, 0.4, 0.7)
    if softened:
        piece = blur(piece, rng.uniform(0.5, 1.3))
    if noisy:
        piece = add_noise(piece, rng.uniform(2, 7), rng)
    if compressed or not (softened or noisy):
        piece = recompress(piece, int(rng.integers(50, 91)))
    return piece


def _towards_tone_of(
    image: Pixels, piece: Pixels, region: Mask, strength: float
) -> npt.NDArray[np.float64]:
    """Move the piece's mean colour towards what it covers, as a forger would; strength 0..1.

    A grey piece in a colour image moves all the way, or its lack of colour would give it away.
    """
    if is_grey(piece) and not is_grey(image):
        strength = 1.0
    shift = image[region].mean(axis=0) - piece[region].mean(axis=0)
    return np.asarray(piece + strength * shift)
