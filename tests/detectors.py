"""A detector for tests that needs no model, and images that it can tell apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from scipy.special import logit

from assay import images
from assay.calibration import Calibration
from assay.records import Label, Photo, Sample, Split, Verdict
from tests.scenes import sample, scene

BAND = Calibration(temperature=1.0, threshold=0.5, review_low=0.4, review_high=0.6)


class Brightness:
    """A detector that believes bright images are synthesized, fitted on the groups ``seen``."""

    def __init__(self, seen: Collection[str] = ()) -> None:
        self.seen = seen

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        shares = [float(photo.pixels.mean()) / 255 for photo in photos]
        return [
            Verdict(
                BAND.label((1 - p, 0.0, p)),
                p,
                dict(zip(Label, (1 - p, 0.0, p), strict=True)),
                BAND.needs_review(p),
                float(logit(np.clip(p, 1e-6, 1 - 1e-6))),
            )
            for p in shares
        ]

    def has_seen(self, group: str) -> bool:
        return group in self.seen


def brightened(seed: int, split: Split, edited: bool) -> Sample:
    """Edited ones are brighter, and saved at a quality that gives them away."""
    pixels = np.clip(scene(seed, 64, 64) + 60.0 * edited, 0, 255).astype(np.uint8)
    return sample(
        image_id=f"{split}-{seed}",
        image=images.encode_jpeg(pixels, 60 if edited else 95),
        label=Label.SYNTHESIZED if edited else Label.AUTHENTIC,
        manipulation="resynthesis" if edited else "",
        split=split,
        group=f"{split}-{seed % 12}",
    )
