"""Something erased and filled in from its surroundings."""

from __future__ import annotations

import cv2
import numpy as np

from assay.degradations import add_noise
from assay.manipulations import Manipulation
from assay.manipulations.regions import blob, composite, feather
from assay.records import Mask, Pixels

_METHODS = (cv2.INPAINT_TELEA, cv2.INPAINT_NS)


class Inpaint(Manipulation):
    """Erase a region by fast marching (Telea 2004) or Navier-Stokes (Bertalmio et al. 2001)."""

    name = "inpaint"

    def apply(self, image: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
        """Fill an irregular region covering 3-10 % of the image, at times with new grain."""
        region = blob(rng, image.shape, (0.03, 0.1))
        # The fill starts outside the feathered border, or a rim of what was erased would remain.
        hole = cv2.dilate(region.astype(np.uint8), np.ones((7, 7), np.uint8))
        method, radius = _METHODS[rng.integers(2)], float(rng.uniform(3, 6))
        filled = cv2.inpaint(image, hole, radius, method).astype(np.uint8, copy=False)
        if rng.random() < 0.5:
            filled = add_noise(filled, rng.uniform(1, 4), rng)
        return composite(image, filled, feather(region, 0.8))
