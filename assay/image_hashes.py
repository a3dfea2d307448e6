"""The hashes that AMMeBa publishes of its images, made as they were made, and when two are near.

Two of 64 bits each, by the library `imagehash` with its defaults: ``average_hash`` (8 x 8 pixels
against their mean) and ``phash`` (8 x 8 of the lowest frequencies of 32 x 32 pixels against their
median), both of the grey picture. Its authors do not say how they decoded the images; assumed is
Pillow's RGB to L (ITU-R 601) of the upright picture (docs/decisions/0090-known-images.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.records import Pixels

MAX_AVERAGE_DISTANCE, MAX_PHASH_DISTANCE = 6, 6
"""Bits of 64 within which both have to lie: of 164 million pairs of crops of different photographs
none did, of re-saved and resized copies 99.5 % or more do."""
_HASHED_SIDE = 256
"""Pixels a side beyond which an image is reduced first: the library's own resizing of twelve
megapixels takes a tenth of a second, and bits seldom differ."""
_DIGITS = 16
_FEWEST = 12
"""Bits of either kind, below which a hash is that of a picture with one spot, or with none."""


@dataclass(frozen=True, slots=True)
class ImageHashes:
    """Both hashes of one picture, each 64 bits."""

    average_hash: int
    phash: int

    @classmethod
    def of(cls, pixels: Pixels) -> ImageHashes:
        """The hashes of RGB pixels ``[h, w, 3]``; of large pictures after they were reduced."""
        import cv2
        import imagehash
        from PIL import Image

        height, width = pixels.shape[:2]
        size = min(width, _HASHED_SIDE), min(height, _HASHED_SIDE)
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        grey = Image.fromarray(small).convert("L")
        made = imagehash.average_hash(grey), imagehash.phash(grey)
        return cls(*(int(str(one), 16) for one in made))

    @classmethod
    def from_hex(cls, average_hash: str, phash: str) -> ImageHashes | None:
        """Hashes as `imagehash` writes them; None where one is missing or no such hash."""
        texts = average_hash, phash
        if any(len(one) != _DIGITS or set(one.lower()) - set("0123456789abcdef") for one in texts):
            return None
        return cls(int(average_hash, 16), int(phash, 16))

    @property
    def tells(self) -> bool:
        """Whether the picture has enough structure for its hashes to tell it from others."""
        counts = self.average_hash.bit_count(), self.phash.bit_count()
        return all(_FEWEST <= count <= 64 - _FEWEST for count in counts)

    def distances(self, other: ImageHashes) -> tuple[int, int]:
        """Bits of 64 between the average hashes, and between the phashes."""
        return (
            (self.average_hash ^ other.average_hash).bit_count(),
            (self.phash ^ other.phash).bit_count(),
        )

    def is_near(self, other: ImageHashes) -> bool:
        """Whether both hashes say that the two show the same picture."""
        average, phash = self.distances(other)
        both = average <= MAX_AVERAGE_DISTANCE and phash <= MAX_PHASH_DISTANCE
        return both and self.tells and other.tells

    def as_hex(self) -> tuple[str, str]:
        """Both as `imagehash` writes them."""
        return f"{self.average_hash:0{_DIGITS}x}", f"{self.phash:0{_DIGITS}x}"
