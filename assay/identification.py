"""What an image is, before anybody judges it: its kind, its size, and what recognises it again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay import images
from assay.duplicates import PerceptualHash, perceptual_hash, pixel_digest
from assay.records import Photo

MEDIA_TYPES = {name: f"image/{name.lower()}" for name in images.FORMATS}
"""By the name of a container (RFC 2046)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What recognises an image again."""

    width: int
    height: int
    media_type: str
    """By content, never by name."""
    pixel_digest: str
    """SHA-256 of size and upright RGB pixels, hex; equal for pixel-equal images only."""
    hashed: PerceptualHash
    mirrored: PerceptualHash
    """Of the image in a mirror, which has another hash."""


def identify(data: bytes) -> Identity:
    """The identity of an encoded image; raises as `assay.images.decode`."""
    return identity_of(images.decode(data))


def identity_of(photo: Photo) -> Identity:
    """The identity of a decoded image."""
    width, height = photo.size
    return Identity(
        width=width,
        height=height,
        media_type=MEDIA_TYPES[photo.format],
        pixel_digest=pixel_digest(photo.pixels).hex(),
        hashed=perceptual_hash(photo.pixels),
        mirrored=perceptual_hash(np.ascontiguousarray(photo.pixels[:, ::-1])),
    )
