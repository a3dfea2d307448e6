"""What platforms and people do to a photo that they pass on: named, and the same each time.

A `Perturbation` takes pixels to an image file. What it draws depends on its own name and the
image's id alone, so a matrix that is measured again, or resumed, has the same files. Adding one is
a row of `PERTURBATIONS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from assay import images
from assay.degradations import add_noise, blur, resized, sharpen
from assay.records import Pixels

Change = Callable[[Pixels, np.random.Generator], bytes]
"""Pixels ``[h, w, 3]`` to an image file; all chance comes from the generator. Other processes apply
it too, so it can be pickled."""

_SCREEN_FACTORS = (0.683, 0.791, 1.172, 1.314)
"""From a picture's pixels to a screen's, which hardly ever is a whole number."""
_FRAMES = (0, 24, 255)
"""Grey levels of what an app shows around a picture: black, dark mode, white."""
_LONG_SIDES = (1080, 720)
"""Pixels to which social networks and messengers reduce what is larger."""
_SHARED_QUALITIES = (70, 85)


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One thing that happens to a photo, by the name that tables and gates use."""

    name: str
    family: str
    change: Change
    everyday: bool = False
    """Whether it happens to most photos on a platform: measured in every training."""

    def apply(self, pixels: Pixels, image_id: str) -> bytes:
        """The image file that becomes of ``pixels`` ``[h, w, 3]``, which stay as they are.

        Raises `ImageTooLarge` where the result would exceed a limit of `assay.images`.
        """
        key = f"{self.name}\0{image_id}".encode()
        rng = np.random.default_rng(list(hashlib.sha256(key).digest()))
        return self.change(pixels, rng)


def _jpeg(quality: int, pixels: Pixels, _: np.random.Generator) -> bytes:
    return images.encode_jpeg(pixels, quality)


def _webp(quality: int, pixels: Pixels, _: np.random.Generator) -> bytes:
    return images.encode_webp(pixels, quality)


# Saved without loss from here on, so that a row measures what it is called after and nothing else.
def _resize(factor: float, pixels: Pixels, _: np.random.Generator) -> bytes:
    return images.encode_png(resized(pixels, factor))


def _blur(sigma: float, pixels: Pixels, _: np.random.Generator) -> bytes:
    return images.encode_png(blur(pixels, sigma))


def _noise(sigma: float, pixels: Pixels, rng: np.random.Generator) -> bytes:
    return images.encode_png(add_noise(pixels, sigma, rng))


def _screenshot(
    quality: int | None, rounded: bool, pixels: Pixels, rng: np.random.Generator
) -> bytes:
    """Shown on a screen and captured; as JPEG of ``quality``, or as PNG."""
    shown = sharpen(resized(pixels, float(rng.choice(_SCREEN_FACTORS))), 1.0, 0.5)
    grey = int(rng.choice(_FRAMES))
    taken = _rounded(shown, grey) if rounded else _letterboxed(shown, grey, rng)
    return images.encode_png(taken) if quality is None else images.encode_jpeg(taken, quality)


def _letterboxed(shown: Pixels, grey: int, rng: np.random.Generator) -> Pixels:
    """With a thin frame, another width at each side: who captures a screen seldom cuts exactly."""
    top, bottom, left, right = (int(side) for side in rng.integers(1, 9, size=4))
    colour = (grey, grey, grey)
    framed = cv2.copyMakeBorder(shown, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
    return framed.astype(np.uint8, copy=False)


def _rounded(shown: Pixels, grey: int) -> Pixels:
    """With the corners cut round, as apps show pictures on cards."""
    height, width = shown.shape[:2]
    radius = min(height, width) // 12
    rows, columns = np.ogrid[:height, :width]
    past_row = np.maximum(radius - rows, rows - (height - 1 - radius)).clip(0)
    past_column = np.maximum(radius - columns, columns - (width - 1 - radius)).clip(0)
    outside = past_row**2 + past_column**2 > radius**2
    return np.where(outside[..., None], np.uint8(grey), shown)


def _chain(steps: int, pixels: Pixels, rng: np.random.Generator) -> bytes:
    """Shared ``steps`` times: cut a little, reduced to a platform's size, saved as its JPEG."""
    shared = _shared(pixels, rng)
    for _ in range(steps - 1):
        shared = _shared(images.decode(shared).pixels, rng)
    return shared


def _shared(pixels: Pixels, rng: np.random.Generator) -> bytes:
    """Platforms reduce, they do not enlarge; the cut moves the lattice of the JPEG before."""
    top, left = (int(rng.integers(0, side // 50 + 1)) for side in pixels.shape[:2])
    cut = np.ascontiguousarray(pixels[top:, left:])
    factor = min(1.0, int(rng.choice(_LONG_SIDES)) / max(cut.shape[:2]))
    quality = int(rng.integers(*_SHARED_QUALITIES, endpoint=True))
    return images.encode_jpeg(resized(cut, factor) if factor < 1 else cut, quality)


PERTURBATIONS = (
    Perturbation("jpeg 50", "JPEG", partial(_jpeg, 50)),
    Perturbation("jpeg 60", "JPEG", partial(_jpeg, 60)),
    Perturbation("jpeg 70", "JPEG", partial(_jpeg, 70), everyday=True),
    Perturbation("jpeg 80", "JPEG", partial(_jpeg, 80), everyday=True),
    Perturbation("jpeg 90", "JPEG", partial(_jpeg, 90), everyday=True),
    Perturbation("jpeg 95", "JPEG", partial(_jpeg, 95)),
    Perturbation("webp 50", "WebP", partial(_webp, 50)),
    Perturbation("webp 75", "WebP", partial(_webp, 75), everyday=True),
    Perturbation("webp 90", "WebP", partial(_webp, 90), everyday=True),
    Perturbation("resize 0.25", "resize", partial(_resize, 0.25)),
    Perturbation("resize 0.5", "resize", partial(_resize, 0.5), everyday=True),
    Perturbation("resize 0.75", "resize", partial(_resize, 0.75), everyday=True),
    Perturbation("resize 1.5", "resize", partial(_resize, 1.5)),
    Perturbation("resize 2", "resize", partial(_resize, 2)),
    Perturbation("blur 0.7", "blur", partial(_blur, 0.7), everyday=True),
    Perturbation("blur 1.5", "blur", partial(_blur, 1.5)),
    Perturbation("noise 2", "noise", partial(_noise, 2), everyday=True),
    Perturbation("noise 6", "noise", partial(_noise, 6)),
    Perturbation("screenshot png", "screenshot", partial(_screenshot, None, False)),
    Perturbation("screenshot jpeg", "screenshot", partial(_screenshot, 85, False), everyday=True),
    Perturbation("screenshot rounded", "screenshot", partial(_screenshot, 90, True)),
    Perturbation("shared once", "sharing", partial(_chain, 1), everyday=True),
    Perturbation("shared twice", "sharing", partial(_chain, 2)),
    Perturbation("shared 3 times", "sharing", partial(_chain, 3), everyday=True),
    Perturbation("shared 4 times", "sharing", partial(_chain, 4)),
    Perturbation("shared 5 times", "sharing", partial(_chain, 5)),
)
"""In the order of tables. Sigmas are pixels for blur and grey levels for noise."""


def matrix(full: bool) -> tuple[Perturbation, ...]:
    """All of `PERTURBATIONS`, or the everyday ones."""
    return tuple(p for p in PERTURBATIONS if full or p.everyday)
