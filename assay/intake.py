"""What a service learns of an image before a model is asked, from its bytes to a question.

Module-level functions of bytes, so that they can run in another process (`assay.evidence_pool`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from assay import descriptors, duplicates, images, ledger, measuring
from assay.evidence import examined
from assay.image_hashes import ImageHashes
from assay.questions import Preparer, Question
from assay.records import Finding, Photo
from assay.serving_recipe import DEFAULT, ServingRecipe


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """How an image is described and found again."""

    width: int
    height: int
    """Pixels, upright."""
    media_type: str
    """By content, such as ``image/jpeg``."""
    pixel_digest: str
    """SHA-256 in hex of size and upright RGB pixels; equal only for pixel-equal images."""
    pdq: str
    """The PDQ hash, 64 hex digits."""
    mirrored_pdq: str
    """That of the image in a mirror."""
    pdq_quality: int
    """0..100; below `assay.duplicates.MIN_QUALITY` the hash means nothing."""
    hashes: ImageHashes | None = None
    """What known images are looked up by; of `identify` only."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An image with the question about it; can be pickled."""

    facts: ImageFacts
    question: Question
    descriptors: dict[str, float]
    """See `assay.descriptors.describe`."""
    timings: dict[str, float]
    """Milliseconds of ``decode``, ``hash``, ``describe`` and ``evidence``, which ends with the
    question."""


def identify(data: bytes) -> ImageFacts:
    """The facts of encoded image ``data``, without evidence; raises as `assay.images.decode`."""
    photo = images.decode(data)
    return replace(_facts(photo), hashes=ImageHashes.of(photo.pixels))


def stated(data: bytes) -> tuple[Finding, ...]:
    """What the file ``data`` says of its origin, in its own words; raises as `images.decode`."""
    photo = images.decode(data)
    return ledger.stated(examined(photo, name) for name in ledger.verbatim_names())


def prepare(
    model: Path, data: bytes, in_two: bool = False, recipe: ServingRecipe = DEFAULT
) -> Prepared:
    """Decode ``data``, measure it and write the question for the model in the folder ``model``.

    The folder is opened once a process; ``in_two`` measures on two threads. Raises as
    `assay.images.decode` and `Preparer.load`.
    """
    preparer = _preparer(model, recipe)
    timings: dict[str, float] = {}
    with _timed(timings, "decode"):
        photo = images.decode(data)
    with _timed(timings, "hash"):
        facts = _facts(photo)
    with _timed(timings, "describe"):
        described = descriptors.describe(photo)
    with _timed(timings, "evidence"):
        measure = measuring.measure_in_two if in_two else measuring.measure
        question = preparer.prepare(photo, measure)
    return Prepared(facts, question, described, timings)


@cache
def _preparer(model: Path, recipe: ServingRecipe) -> Preparer:
    return Preparer.load(model, recipe)


def _facts(photo: Photo) -> ImageFacts:
    hashed = duplicates.perceptual_hash(photo.pixels)
    mirrored = duplicates.perceptual_hash(photo.pixels[:, ::-1])
    return ImageFacts(
        *photo.size,
        f"image/{photo.format.lower()}",
        hashed.digest.hex(),
        hashed.bits.hex(),
        mirrored.bits.hex(),
        hashed.quality,
    )


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[stage] = 1000 * (time.perf_counter() - start)
