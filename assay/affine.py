"""Affine maps between pictures, and pictures carried along them.

A map leads from (x, y) of one picture to (x, y) of another, in pixels whose centres are integers.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.records import Mask

Affine = npt.NDArray[np.float64]
"""``[2, 3]``."""
Picture = npt.NDArray[np.uint8]
"""``[height, width]`` or ``[height, width, 3]``."""

_AVERAGED = 0.75
"""Scale below which a picture is averaged before it is interpolated."""


def size_of(picture: Picture) -> tuple[int, int]:
    """Width and height."""
    return picture.shape[1], picture.shape[0]


def reduced(picture: Picture, longest: int) -> Picture:
    """``picture`` with no more than ``longest`` pixels a side."""
    factor = longest / max(size_of(picture))
    if factor >= 1:
        return picture
    width, height = (max(1, round(side * factor)) for side in size_of(picture))
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def scale_of(matrix: Affine) -> float:
    """Pixels of the target for one of the source."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def is_mirrored(matrix: Affine) -> bool:
    """Whether left and right are exchanged."""
    return bool(np.linalg.det(matrix[:, :2]) < 0)


def turn_of(matrix: Affine) -> float:
    """Degrees by which the target is turned clockwise, after any mirroring."""
    side = -1.0 if is_mirrored(matrix) else 1.0
    return float(np.degrees(np.arctan2(side * matrix[1, 0], side * matrix[0, 0])))


def compose(after: Affine, before: Affine) -> Affine:
    """The affine map that applies ``before``, then ``after``."""
    return np.asarray((_square(after) @ _square(before))[:2])


def invert(matrix: Affine) -> Affine:
    """The affine map back."""
    return np.asarray(np.linalg.inv(_square(matrix))[:2])


def resizing(size: tuple[int, int], target: tuple[int, int]) -> Affine:
    """The affine map from a picture of ``size`` (width, height) to its resized copy."""
    x, y = target[0] / size[0], target[1] / size[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]])


def _square(matrix: Affine) -> Affine:
    return np.vstack([matrix, [0, 0, 1]])


def carried_back(picture: Picture, matrix: Affine, size: tuple[int, int]) -> tuple[Picture, Mask]:
    """``picture`` seen in a frame of ``size``, from which ``matrix`` leads to it; where it covers.

    A picture that shrinks is averaged first, so that nothing finer than the frame aliases.
    """
    shrink = 1 / scale_of(matrix)
    if shrink < _AVERAGED:
        target = tuple(max(1, round(side * shrink)) for side in size_of(picture))
        matrix = compose(resizing(size_of(picture), (target[0], target[1])), matrix)
        picture = cv2.resize(picture, target, interpolation=cv2.INTER_AREA).astype(np.uint8)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    whole = np.ones(picture.shape[:2], np.uint8)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(whole, matrix, size, flags=flags)
    return warped.astype(np.uint8, copy=False), inside > 0
