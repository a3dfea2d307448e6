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
_DONOR = "coffee"
"""What is pasted in."""


@dataclass(frozen=True, slots=True)
class Example:
    """An image as somebody posts it."""

    name: str
    author: str
    caption: str
    photographs: tuple[str, ...]
    """Groups of bundled photographs, tried in turn."""
    is_edited: bool = False


UNTOUCHED = Example(
    "untouched", "Café Lindner", "The first one of the day.", ("coffee", "flower", "rocket")
)
FLAGGED = Example(
    "flagged", "Night Owl News", "Seen over the harbour last night!", ("rocket",), is_edited=True
)
DECIDED = Example(
    "decided", "Cat Facts Daily", "The rarest cat in the world.", ("chelsea",), is_edited=True
)
EXAMPLES = (UNTOUCHED, FLAGGED, DECIDED)


def candidates(example: Example) -> list[bytes]:
    """Images that may stand for an example, as JPEG; raises `StorageError` without photographs."""
    pictures = [_pixels(name) for name in example.photographs]
    if example.is_edited:
        pictures = [edit for picture in pictures for edit in _edits(picture)]
    return [images.encode_jpeg(picture, _QUALITY) for picture in pictures]


def _edits(picture: Pixels) -> list[Pixels]:
    donor, known = _pixels(_DONOR), manipulations()
    return [
        known[name].apply(picture, donor, np.random.default_rng(seed))[0]
        for seed, name in enumerate(EDITS)
    ]


def _pixels(group: str) -> Pixels:
    for sample in Photos(crop_size=_SIDE, crops_per_photo=1).fetch():
        if sample.group == f"{Photos.name}-{group}":
            return images.decode(sample.image).pixels
    raise LookupError(f"no bundled photograph {group!r} of {_SIDE} pixels")
