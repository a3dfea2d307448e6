"""Photographs for the README's pictures of evidence: bundled ones, edited here, none of others.

Photographs count whose terms allow to pass them on and which the model was not fitted on. Of each
kind of case the first is taken that shows it; `Case.origin` says after how many tries.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay import images, manipulations
from assay.localisation import fused_heatmap, located
from assay.predictions import DetectsPhotos
from assay.prompts import is_unusual
from assay.records import Finding, Label, Mask, Photo, Sample, Verdict
from assay.sources.photos import Photos

SIDE = 384
TRIES = 24
"""Edits of each kind that are judged at most."""

_PER_PHOTO = 6
_WELL_LOCATED = 0.9
"""AUC within the image from which a heatmap shows where the edit is."""
_UNSTATED = "Not stated"


@dataclass(frozen=True, slots=True)
class Case:
    """An image to show, the verdict about it, and where both come from."""

    name: str
    photo: Photo
    verdict: Verdict
    origin: str
    shows_links: bool
    """Whether what repeats is to be shown, rather than the heatmap."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A verdict, and what was really edited."""

    verdict: Verdict
    mask: Mask

    @property
    def unusual(self) -> list[Finding]:
        return [finding for finding in self.verdict.findings if is_unusual(finding)]

    @property
    def flagged(self) -> bool:
        """Decided or not: what the bundled photographs teach hardly ever decides alone."""
        return self.verdict.label is not Label.AUTHENTIC


def cases(detector: DetectsPhotos, side: int = SIDE) -> Iterator[Case]:
    """One case for each of `KINDS` that was found, in their order."""
    crops = usable(detector, side)
    for name, (manipulation, shows) in KINDS.items():
        for number, sample in enumerate(itertools.islice(crops, TRIES), 1):
            photo, mask = edited(sample, crops, manipulation)
            (verdict,) = detector.detect([photo], rationale=True)
            if shows(_Judged(verdict, mask)):
                done = f"{manipulation or 'untouched'}, try {number} of at most {TRIES}"
                origin = f"{sample.group} ({sample.licence}), {done}"
                yield Case(name, photo, verdict, origin, shows is _copied)
                break


def usable(detector: DetectsPhotos, side: int = SIDE) -> list[Sample]:
    """Square crops of bundled photographs that may be passed on and are new to the model."""
    fetched = Photos(crop_size=side, crops_per_photo=_PER_PHOTO).fetch()
    return [
        sample
        for sample in fetched
        if not sample.licence.startswith(_UNSTATED) and not detector.has_seen(sample.group)
    ]


def edited(sample: Sample, crops: Sequence[Sample], manipulation: str) -> tuple[Photo, Mask]:
    """``sample`` after ``manipulation`` (none where empty), saved once as JPEG, and what changed.

    What is pasted in comes from another photograph of ``crops``, if there is one.
    """
    pixels = images.decode(sample.image).pixels
    mask = np.zeros(pixels.shape[:2], np.bool_)
    if manipulation:
        seed = list(hashlib.sha256(f"{sample.image_id}/{manipulation}".encode()).digest())
        donor = next((crop for crop in crops if crop.group != sample.group), sample)
        other = images.decode(donor.image).pixels
        edit = manipulations.manipulations()[manipulation]
        pixels, mask = edit.apply(pixels, other, np.random.default_rng(seed))
    return images.decode(images.encode_normalised(pixels, sample.image_id)), mask


def _copied(judged: _Judged) -> bool:
    links = [link for found in judged.unusual for link in found.measurement.links]
    height, width = judged.mask.shape
    ends = [
        judged.mask[
            min(int(one.copy_y * height), height - 1), min(int(one.copy_x * width), width - 1)
        ]
        for one in links
    ]
    return judged.flagged and bool(links) and float(np.mean(ends)) > 0.5


def _located(judged: _Judged) -> bool:
    heatmap = fused_heatmap(judged.verdict.findings)
    if heatmap is None or not judged.flagged:
        return False
    return located(heatmap, judged.mask).get("pixel_auc", 0.0) >= _WELL_LOCATED


def _generated(judged: _Judged) -> bool:
    return judged.flagged and judged.verdict.label is Label.SYNTHESIZED


def _undecided(judged: _Judged) -> bool:
    return judged.verdict.needs_review


KINDS: dict[str, tuple[str, Callable[[_Judged], bool]]] = {
    "evidence_copy_move": ("copy_move", _copied),
    "evidence_splice": ("splice", _located),
    "evidence_generated": ("resynthesis", _generated),
    "evidence_abstention": ("", _undecided),
}
"""What is done to a photograph and what the verdict has to show, by the picture's name."""
