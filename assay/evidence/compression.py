"""Compression history: earlier JPEG generations, where their grid lay, and where they are missing.

An image that was JPEG before keeps the steps of that JPEG in its DCT coefficients. A part that was
pasted, drawn or smoothed after it has not been through it, or not on the same grid.

Most images of the web were compressed more than once, and whether they were often goes with how a
dataset was collected. So it is shown with its null rate, and counts in no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np

from assay import images
from assay.evidence import Examiner, Role
from assay.evidence.consistency import located, standardised
from assay.evidence.jpeg_grid import (
    BLOCK,
    Earlier,
    Table,
    coefficients,
    earlier_generation,
    earlier_quality,
    last_table,
    nearest_quality,
)
from assay.evidence.residuals import Plane, why_not
from assay.records import Hypothesis, Measurement, Photo, Pixels

_FEWEST = 4
"""Coefficients that must be informative in a block and its neighbours."""


class CompressionHistory(Examiner):
    """Where the trace of an earlier JPEG compression is missing.

    Coefficients are the block DCT of the decoded brightness, so that a hostile file meets one
    decoder only and a PNG of a former JPEG is read alike. A histogram of coefficients that were
    quantised before is a comb; its tooth distance is the earlier step (Popescu & Farid,
    "Statistical tools for digital forensics", 2004; Lin et al., "Fast, automatic and fine-grained
    tampered JPEG image detection via DCT coefficient analysis", 2009). A block whose coefficients
    lie between the teeth was not in that JPEG (Bianchi & Piva, "Image forgery localization via
    block-grained analysis of JPEG artifacts", 2012). The offset of the earlier grid is proposed by
    blockiness (Fan & de Queiroz, "Identification of bitmap compression history", 2003) and must
    show a comb. The value is that of the strongest area as in `consistency`, 0 without a comb.
    Facts: the estimated quality of the file, and grid offset and quality of the earlier JPEG.
    """

    role: ClassVar[Role] = Role.SHOWN
    name: ClassVar[str] = "compression_history"
    title: ClassVar[str] = "local inconsistency of the compression history"
    suggests: ClassVar[Hypothesis] = Hypothesis.PASTED

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; the heatmap has one cell for each 8x8 pixels."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        last = last_table(photo)
        earlier = earlier_generation(photo.pixels, last)
        facts = tuple(_facts(last, earlier))
        deviation = _missing(photo.pixels, earlier) if earlier else None
        if deviation is None:
            return Measurement(self.name, 0.0, facts=facts)
        return replace(located(self.name, deviation), facts=facts)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """A PNG of a former JPEG; into the suspicious one a disc of the original was pasted."""
        rng = np.random.default_rng(0)
        noise = cv2.GaussianBlur(rng.normal(0, 1, (256, 256, 3)), (0, 0), 1.5)
        original = (120 + 120 * noise).clip(0, 255).astype(np.uint8)
        former = images.decode(images.encode_jpeg(original, 75)).pixels
        rows, columns = np.mgrid[:256, :256]
        disc = (np.hypot(rows - 128, columns - 110) < 50)[..., None]
        return Photo(b"", np.where(disc, original, former), "PNG"), Photo(b"", former, "PNG")


def _missing(pixels: Pixels, earlier: Earlier) -> Plane | None:
    """How far each block falls short of the others' comb, in deviations ``[rows, columns]``.

    A block counts with its neighbours to the right and below; the more coefficients are
    informative, the clearer the comb, so their number is what explains it.
    """
    height, width = pixels.shape[0] // BLOCK, pixels.shape[1] // BLOCK
    between, informative = np.zeros((2, height, width), np.float32)
    found = coefficients(pixels, earlier.offset)
    place = np.s_[: found.shape[1], : found.shape[2]]
    for values, step in zip(found, earlier.steps, strict=True):
        if step:
            beyond = np.abs(values) > step / 2
            between[place] += np.where(beyond, np.cos(2 * np.pi / step * values), 0)
            informative[place] += beyond
    on_teeth, count = _of_four(between), _of_four(informative)
    amount = np.log1p(count)
    terms = (np.ones_like(amount), amount, amount**2)
    clarity = np.asarray(on_teeth / np.sqrt(count + 2), np.float32)
    deviation = standardised(clarity, terms, count >= _FEWEST)
    return None if deviation is None else np.maximum(-deviation, 0)


def _of_four(blocks: Plane) -> Plane:
    """Sums over 2x2 neighbours ``[rows - 1, columns - 1]``."""
    pairs = blocks[:-1] + blocks[1:]
    return np.asarray(pairs[:, :-1] + pairs[:, 1:])


def _facts(last: Table | None, earlier: Earlier | None) -> Iterator[tuple[str, str]]:
    """What is known of the generations, in words."""
    if last is not None:
        yield "estimated quality", str(nearest_quality(last))
    if earlier:
        yield "earlier compression", f"about quality {earlier_quality(earlier)}"
        yield "grid offset", f"{earlier.offset[0]}, {earlier.offset[1]}"
