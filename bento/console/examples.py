"""Images for the demonstration: bundled photographs, as they are and edited by our own hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay import images
from assay.manipulations import manipulations
from assay.records import Pixels
from assay.sources.photos import Photos

EDITS = ("splice", "copy_move", "inpaint", "retouch")
"""Tried in turn until the model hands one a notice."""

_SIDE = 288
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Example:
    """An image as somebody posts it."""

    name: str
    author: str
    caption: str
    photograph: str
    """The group of the bundled photograph."""


UNTOUCHED = Example("untouched", "Café Lindner", "The first one of the day.", "coffee")
FLAGGED = Example("flagged", "Night Owl News", "Seen over the harbour last night!", "rocket")
DECIDED = Example("decided", "Cat Facts Daily", "The rarest cat in the world.", "chelsea")
EXAMPLES = (UNTOUCHED, FLAGGED, DECIDED)


def photograph(example: Example) -> bytes:
    """The photograph of an example as a JPEG; raises `StorageError` where none are installed."""
    return images.encode_jpeg(_pixels(example.photograph), _QUALITY)


def edited(example: Example) -> list[bytes]:
    """The same photograph edited in each way; raises as `photograph`."""
    picture, donor = _pixels(example.photograph), _pixels(UNTOUCHED.photograph)
    known = manipulations()
    changed = (
        known[name].apply(picture, donor, np.random.default_rng(seed))[0]
        for seed, name in enumerate(EDITS)
    )
    return [images.encode_jpeg(one, _QUALITY) for one in changed]


def _pixels(group: str) -> Pixels:
    for sample in Photos(crop_size=_SIDE, crops_per_photo=1).fetch():
        if sample.group == f"{Photos.name}-{group}":
            return images.decode(sample.image).pixels
    raise LookupError(f"no bundled photograph {group!r} of {_SIDE} pixels")
