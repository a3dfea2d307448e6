"""Seen before: what a new picture and a stored near-duplicate are to each other, and where.

A perceptual hash proposes (`assay.hash_index`), pixels decide: a third of real edits lie as near to
their original as a re-saved copy does. Nothing here says which of the two came first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from assay import duplicates, images
from assay.affine import Affine, carried_back, compose, invert, reduced, resizing, size_of
from assay.alignment import Alignment, align
from assay.local_differences import LocalDifferences, local_differences
from assay.records import Heatmap, Mask, Photo, Pixels, Region

_LONGEST = 1024
"""Pixels a side of the common frame at most."""
_READ = 1600
"""Pixels a side beyond which an encoded image is reduced before anything else: more than what is
compared, so that the smaller part of a crop keeps its detail."""
_HALF_WAY = 6.0
"""Times the usual difference at which the heatmap passes one half."""


class Kinship(StrEnum):
    """What two pictures are to each other."""

    IDENTICAL = "identical"
    """Equal pixel by pixel."""
    SAME_CONTENT = "same_content"
    """Re-encoded, resized, cropped, turned, mirrored, recoloured or marked as a whole."""
    LOCALLY_DIFFERENT = "locally_different"
    """The same picture, with other content in places."""
    UNRELATED = "unrelated"
    """No part of one was found in the other."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs, as a box in each of the two pictures."""

    first: Region
    second: Region


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What was found between a first and a second picture; neither is taken for the original."""

    kind: Kinship
    sentence: str
    """For a moderator, without a claim about which came first."""
    alignment: Alignment | None = None
    """How the first is carried onto the second; None when unrelated."""
    differences: tuple[Difference, ...] = ()
    """Where other content is shown, the largest place first."""
    marks: tuple[Difference, ...] = ()
    """Where one of the two carries a see-through mark, such as a watermark; no difference."""
    share: float = 0.0
    """Of the common area, that shows other content, 0..1."""
    heatmap: Heatmap | None = None
    """Difference beyond the usual over the common frame ``[h, w]``; None unless aligned."""
    renderings: tuple[Pixels, Pixels] | None = None
    """First and second in the common frame, of equal size: for a slider. Black where only one of
    them shows anything."""


def pixel_digest(photo: Photo) -> str:
    """SHA-256 in hex of size and upright RGB pixels; equal only for pixel-equal photos."""
    return duplicates.pixel_digest(photo.pixels).hex()


def compare(first: Photo, second: Photo) -> Comparison:
    """Align two photos and find where their content differs.

    The same in either order, with first and second exchanged. Global changes (compression, size,
    crop, border, brightness, colours, mirroring, a small turn) and see-through marks are no
    differences.
    """
    if np.array_equal(first.pixels, second.pixels):
        return _identical(first)
    return _related(first.pixels, second.pixels)


def compare_encoded(first: bytes, second: bytes) -> Comparison:
    """`compare` of two encoded images; raises as `assay.images.decode`.

    Large ones are reduced once they are known to differ, and the alignment is that of the reduced.
    """
    one, two = images.decode(first), images.decode(second)
    if np.array_equal(one.pixels, two.pixels):
        return _identical(one)
    return _related(reduced(one.pixels, _READ), reduced(two.pixels, _READ))


def relate_encoded(first: bytes, second: bytes) -> Comparison:
    """`compare_encoded` without the pictures: small enough to cross processes."""
    return replace(compare_encoded(first, second), heatmap=None, renderings=None)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Both pictures carried into one grid: that of the coarser, cut to what both show."""

    pictures: tuple[Pixels, Pixels]
    inside: Mask
    maps: tuple[Affine, Affine]
    """From the frame to each picture, in pixels."""
    sizes: tuple[tuple[int, int], tuple[int, int]]

    @classmethod
    def of(cls, first: Pixels, second: Pixels, alignment: Alignment) -> _Frame:
        pictures = (first, second)
        if alignment.scale >= 1:
            size, to_coarser = _grid(first)
            maps = to_coarser, compose(alignment.matrix, to_coarser)
        else:
            size, to_coarser = _grid(second)
            maps = compose(invert(alignment.matrix), to_coarser), to_coarser
        (one, covered), (two, also) = (
            carried_back(picture, matrix, size)
            for picture, matrix in zip(pictures, maps, strict=True)
        )
        inside = covered & also
        cut, corner = _bounds(inside)
        shown = tuple(_blank_outside(picture, inside)[cut] for picture in (one, two))
        return cls(
            (shown[0], shown[1]),
            inside[cut],
            (compose(maps[0], corner), compose(maps[1], corner)),
            (size_of(first), size_of(second)),
        )

    def boxes(self, region: Mask) -> Difference:
        """The box of ``region`` ``[h, w]`` in each picture."""
        first, second = (
            _box(region, matrix, size) for matrix, size in zip(self.maps, self.sizes, strict=True)
        )
        return Difference(first, second)


def _identical(photo: Photo) -> Comparison:
    size, to_photo = _grid(photo.pixels)
    shown, _ = carried_back(photo.pixels, to_photo, size)
    return Comparison(
        Kinship.IDENTICAL,
        "The two pictures are equal, pixel by pixel.",
        Alignment(np.eye(2, 3), 1.0),
        heatmap=np.zeros(shown.shape[:2], np.float32),
        renderings=(shown, shown),
    )


def _related(first: Pixels, second: Pixels) -> Comparison:
    alignment = align(first, second)
    if alignment is None:
        return Comparison(Kinship.UNRELATED, "The two pictures do not show the same.")
    frame = _Frame.of(first, second, alignment)
    return _compared(alignment, frame, local_differences(*frame.pictures, frame.inside))


def _compared(alignment: Alignment, frame: _Frame, found: LocalDifferences) -> Comparison:
    differences = tuple(frame.boxes(region) for region in found.regions)
    covered = sum(int(region.sum()) for region in found.regions)
    share = covered / max(int(frame.inside.sum()), 1)
    kind = Kinship.LOCALLY_DIFFERENT if differences else Kinship.SAME_CONTENT
    return Comparison(
        kind,
        _sentence(alignment, found, share),
        alignment,
        differences,
        tuple(frame.boxes(region) for region in found.marks),
        share,
        np.asarray(found.excess / (found.excess + _HALF_WAY), np.float32),
        frame.pictures,
    )


def _sentence(alignment: Alignment, found: LocalDifferences, share: float) -> str:
    mirrored = ", one of them mirrored" if alignment.mirrored else ""
    marked = "; one carries a see-through mark" if found.marks else ""
    if not found.regions:
        return f"The two pictures show the same content{mirrored}{marked}."
    count = len(found.regions)
    places = "one place" if count == 1 else f"{count} places"
    return (
        f"The two pictures show the same scene{mirrored}, but differ in {places} "
        f"({max(share, 0.001):.1%} of what both show){marked}; which of them came first is unknown."
    )


def _grid(pixels: Pixels) -> tuple[tuple[int, int], Affine]:
    """Size of a frame of at most `_LONGEST` a side, and the map from it to ``pixels``."""
    size = size_of(pixels)
    factor = min(1.0, _LONGEST / max(size))
    grid = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
    return grid, resizing(grid, size)


def _bounds(inside: Mask) -> tuple[tuple[slice, slice], Affine]:
    """The box around what both show, and the map from it to the whole frame."""
    left, top, width, height = cv2.boundingRect(inside.astype(np.uint8))
    corner = np.array([[1.0, 0, left], [0, 1, top]])
    return (slice(top, top + height), slice(left, left + width)), corner


def _blank_outside(picture: npt.NDArray[np.uint8], inside: Mask) -> Pixels:
    return np.where(inside[..., None], picture, np.uint8(0))


def _box(region: Mask, matrix: Affine, size: tuple[int, int]) -> Region:
    """The box, in fractions of a picture, of a region of the frame carried to it."""
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    x, y = np.array([left, left + width]) - 0.5, np.array([top, top + height]) - 0.5
    corners = matrix[:, :2] @ [np.repeat(x, 2), np.tile(y, 2)] + matrix[:, 2:] + 0.5
    fractions = (corners / np.array(size)[:, None]).clip(0, 1)
    low, high = fractions.min(axis=1), fractions.max(axis=1)
    return Region(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
