"""Images with the verdicts that a release has to give: made when it is built, kept inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from pydantic import Field

from assay import images
from assay.calibration import Calibration
from assay.detector import Detector
from assay.manipulations import manipulations
from assay.parallel import on_one_thread
from assay.records import Label, Pixels, Verdict
from assay.settings import Settings
from assay.sources.photos import Photos

GOLDEN_FILE = "golden.json"

_AUTHENTIC, _EDITED = 3, ("splice", "copy_move", "resynthesis")
"""How many photographs as they are, and the edits, of one photograph each."""
_QUALITY = 90
_NEAR = 0.02
"""Scores this near to a threshold may fall on either side of it, on another processor."""


class GoldenImage(Settings):
    """An image, and what the model says of it in this process."""

    name: str
    image: str = Field(repr=False)
    """The bytes of the file, in base64."""
    label: Label
    score: float
    needs_review: bool
    is_clear: bool
    """Whether the score is so far from every threshold that the label is certain."""

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return base64.b64decode(self.image)


class Golden(Settings):
    """All golden images of a release."""

    images: tuple[GoldenImage, ...] = Field(min_length=1)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file; raises ValueError (of pydantic) or OSError for one that cannot be read."""
        return cls.model_validate_json(path.read_bytes())


def golden(detector: Detector) -> Golden:
    """What ``detector`` says of photographs and of edited ones, measured as the service does."""
    pictures = dict(_pictures())
    photos = [images.decode(data) for data in pictures.values()]
    verdicts = on_one_thread(detector.detect, photos)
    return Golden(
        images=tuple(
            _expected(name, data, verdict, detector.calibration)
            for (name, data), verdict in zip(pictures.items(), verdicts, strict=True)
        )
    )


def picture(seed: int, width: int = 256, height: int = 256) -> bytes:
    """A JPEG of clouds and grain, which no other seed gives: the service has never seen it."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (height // 16, width // 16, 3)).astype(np.float32)
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    pixels = 120 + 40 * clouds + 4 * rng.standard_normal((height, width, 3), dtype=np.float32)
    return images.encode_jpeg(pixels.clip(0, 255).astype(np.uint8), _QUALITY)


def _pictures() -> Iterator[tuple[str, bytes]]:
    samples = islice(Photos(crops_per_photo=1).fetch(), _AUTHENTIC + len(_EDITED) + 1)
    crops = [images.decode(sample.image).pixels for sample in samples]
    for number, pixels in enumerate(crops[:_AUTHENTIC]):
        yield f"photograph {number + 1}", images.encode_jpeg(pixels, _QUALITY)
    for number, name in enumerate(_EDITED):
        yield name, images.encode_jpeg(_edited(name, *crops[_AUTHENTIC + number :][:2]), _QUALITY)


def _edited(name: str, pixels: Pixels, donor: Pixels) -> Pixels:
    return manipulations()[name].apply(pixels, donor, np.random.default_rng(0))[0]


def _expected(
    name: str, data: bytes, verdict: Verdict, calibration: Calibration | None
) -> GoldenImage:
    return GoldenImage(
        name=name,
        image=base64.b64encode(data).decode(),
        label=verdict.label,
        score=verdict.score,
        needs_review=verdict.needs_review,
        is_clear=calibration is not None and _is_clear(verdict.score, calibration),
    )


def _is_clear(score: float, of: Calibration) -> bool:
    edges = (of.threshold, of.review_low, of.review_high, *of.strata.values())
    return all(abs(score - edge) > _NEAR for edge in edges)
