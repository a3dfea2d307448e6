"""Generated pictures for tests: no binaries in the tree, and the same in every process."""

from __future__ import annotations

import cv2
import numpy as np

from assay import images
from assay.records import Label, Pixels, Sample


def scene(seed: int = 0, height: int = 128, width: int = 128, grey: bool = False) -> Pixels:
    """A colour ramp with soft clouds, hard-edged boxes and fine grain, ``[height, width, 3]``."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(60, 180, width)[None, :, None] + rng.uniform(-30, 30, 3)
    clouds = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 8)
    picture = ramp + 25 * clouds / clouds.std() + rng.normal(0, 3, (height, width, 3))
    for _ in range(6):
        top, left = rng.integers(height - 16), rng.integers(width - 16)
        picture[top : top + 24, left : left + 32] += rng.uniform(-60, 60, 3)
    if grey:
        picture[...] = picture.mean(axis=2, keepdims=True)
    return picture.clip(0, 255).astype(np.uint8)


def sample(seed: int = 0, height: int = 128, width: int = 128, **fields: object) -> Sample:
    """An authentic sample of `scene`; ``fields`` override any other field."""
    defaults: dict[str, object] = {
        "image_id": f"scene-{seed}",
        "image": images.encode_png(scene(seed, height, width)),
        "label": Label.AUTHENTIC,
        "source": "scenes",
        "dataset": "scenes",
        "group": f"scene-{seed}",
    }
    return Sample(**{**defaults, **fields})  # type: ignore[arg-type]
