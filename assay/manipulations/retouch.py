"""Local embellishment as in beauty and product pictures."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from assay.degradations import blur
from assay.manipulations import Manipulation
from assay.manipulations.regions import Alpha, blob, composite, feather
from assay.records import Mask, Pixels

Edit = tuple[npt.NDArray[np.generic], Alpha]
"""An edited image and where it is to be blended in."""


class Retouch(Manipulation):
    """Smooth, heal, reshape or relight a part of the image."""

    name = "retouch"

    def apply(self, image: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
        """Retouch regions covering about 3-25 % of the image, with one tool drawn at random."""
        tool = _TOOLS[rng.integers(len(_TOOLS))]
        return composite(image, *tool(image, rng))


def _smooth(image: Pixels, rng: np.random.Generator) -> Edit:
    """Skin smoothing: a bilateral filter that keeps edges and flattens texture."""
    spread = rng.uniform(25, 60)
    smoothed = cv2.bilateralFilter(image, 9, spread, rng.uniform(4, 8))
    return smoothed, feather(blob(rng, image.shape, (0.06, 0.25)), rng.uniform(1.5, 4))


def _heal(image: Pixels, rng: np.random.Generator) -> Edit:
    """Healing brush: the colour of the place, the texture of its neighbourhood."""
    spots = np.zeros(image.shape[:2], bool)
    for _ in range(int(rng.integers(3, 7))):
        places = [blob(rng, image.shape, (0.012, 0.03)) for _ in range(6)]
        # Blemishes are healed on even ground; across an outline the neighbour would show double.
        spots |= min(places, key=lambda place: float(image[place].std()))
    reach = float(np.sqrt(spots.size)) / 24
    colour = blur(image, reach).astype(np.float32)
    shifts = np.rint(rng.choice([-1, 1], (6, 2)) * rng.uniform(2, 4, (6, 2)) * reach).astype(int)
    neighbours = [np.roll(image - colour, tuple(shift), axis=(0, 1)) for shift in shifts]
    texture = min(neighbours, key=lambda neighbour: float(neighbour[spots].std()))
    return colour + texture, feather(spots, rng.uniform(1, 2))


def _reshape(image: Pixels, rng: np.random.Generator) -> Edit:
    """Liquify brush: push the content of a region sideways, most in its middle."""
    height, width = image.shape[:2]
    region = blob(rng, image.shape, (0.06, 0.25))
    depth = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 3)
    profile = (depth / max(float(depth.max()), 1.0)).astype(np.float32)
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.5) * float(depth.max())
    rows, columns = np.indices((height, width), dtype=np.float32)
    columns += np.float32(np.cos(angle) * length) * profile
    rows += np.float32(np.sin(angle) * length) * profile
    pushed = cv2.remap(image, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return pushed, region.astype(np.float32)


def _relight(image: Pixels, rng: np.random.Generator) -> Edit:
    """Dodge or burn: another gamma and saturation under a soft brush."""
    gamma = np.exp(rng.choice([-1, 1]) * rng.uniform(0.2, 0.45))
    lit = 255 * (image / np.float32(255)) ** np.float32(gamma)
    grey = lit.mean(axis=2, keepdims=True)
    saturated = grey + np.float32(rng.uniform(0.7, 1.4)) * (lit - grey)
    softness = float(np.sqrt(image.shape[0] * image.shape[1])) * rng.uniform(0.01, 0.03)
    return saturated, feather(blob(rng, image.shape, (0.06, 0.2)), softness)


_TOOLS: tuple[Callable[[Pixels, np.random.Generator], Edit], ...] = (
    _smooth,
    _heal,
    _reshape,
    _relight,
)
