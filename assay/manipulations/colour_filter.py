"""A colour filter over the whole image, as phone applications offer: benign."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.manipulations import Manipulation
from assay.manipulations.regions import composite
from assay.records import Mask, Pixels

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class ColourFilter(Manipulation):
    """Grade saturation, colour temperature, contrast, black level and corner brightness."""

    name = "colour_filter"
    material = False

    def apply(self, image: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
        """Filter the whole image; the mask covers all of it."""
        light = image.astype(np.float32) / np.float32(255)
        graded = _vignetted(_toned(_saturated(light, rng), rng), rng)
        return composite(image, 255 * graded, np.ones(image.shape[:2], np.float32))


def _saturated(light: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Saturation from none at all (black and white) to half as much again."""
    factor = 0.0 if rng.random() < 0.2 else rng.uniform(0.5, 1.5)
    luma = (light @ _LUMA)[..., None]
    return np.asarray(luma + factor * (light - luma), np.float32)


def _toned(light: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Colour temperature, an S-shaped contrast curve and lifted blacks."""
    warmth = rng.choice([-1, 1]) * rng.uniform(0.04, 0.14)
    tint = np.array([1 + warmth, 1 + rng.uniform(-0.03, 0.03), 1 - warmth], np.float32)
    light = (light * tint).clip(0, 1)
    curve = light + np.float32(rng.uniform(0, 2)) * (light - 0.5) * light * (1 - light)
    black = np.float32(rng.uniform(0.02, 0.1))
    return black + (1 - black) * curve


def _vignetted(light: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Corners darkened by up to 40 %, one time in three."""
    depth = rng.uniform(0.15, 0.4) if rng.random() < 1 / 3 else 0.0
    height, width = light.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    return light * (1 - depth * (x**2 + y**2) / 2).astype(np.float32)[..., None]
