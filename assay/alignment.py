"""Where one picture lies in another: scale, crop, small turn and mirroring, found from pixels.

Keypoints propose (SIFT, Lowe 2004; RANSAC), and so do the trivial guesses that one picture is the
other resized or mirrored; local correlation picks; sparse optical flow (Lucas-Kanade) refines to
fractions of a pixel. An edit is outvoted in each of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from assay.affine import (
    Affine,
    carried_back,
    compose,
    invert,
    is_mirrored,
    resizing,
    scale_of,
    size_of,
    turn_of,
)
from assay.records import Mask, Pixels

Grey = npt.NDArray[np.uint8]

LEAST_SUPPORT = 0.3
"""Mean local correlation from which two pictures count as aligned. Strangers stay below .12."""

_LONGEST = 640
_LEAST_OVERLAP = 0.3
"""Share of the picture that shows less; a smaller overlap aligns with anything."""
_MOST_TURN, _MOST_STRETCH, _MOST_SCALE = 20.0, 1.2, 6.0
_KEYPOINTS, _RATIO, _REPROJECTION = 1500, 0.8, 3.0
_FEWEST_MATCHES = 8
_WINDOW, _TEXTURE = 15, 9.0
_CORNERS, _FLOW_TOLERANCE, _REFINEMENTS = 1000, 0.5, 2
_CONVINCING_GUESS, _CONVINCING_MATCH = 0.93, 0.75
"""Support above which no further proposal is tried: of a mere guess, and of matched keypoints.
A dark skyline alone gives a wrong guess .8."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the first picture is carried onto the second."""

    matrix: Affine
    """From (x, y) of the first picture to the second."""
    support: float
    """Mean local correlation of the overlap, up to 1."""

    @property
    def scale(self) -> float:
        """Pixels of the second picture for one of the first."""
        return scale_of(self.matrix)

    @property
    def mirrored(self) -> bool:
        """Whether left and right are exchanged."""
        return is_mirrored(self.matrix)

    @property
    def turn(self) -> float:
        """Degrees by which the second picture is turned clockwise, after any mirroring."""
        return turn_of(self.matrix)


def align(first: Pixels, second: Pixels) -> Alignment | None:
    """Find how ``[h, w, 3]`` of ``first`` lies in ``second``; None where the two do not match.

    Turns up to 20 degrees, scales up to 6, a change of the aspect ratio up to a fifth, and an
    overlap of at least 30 % of the picture that shows less are looked for.
    """
    small, to_small = _reduced(first)
    other, to_other = _reduced(second)
    best = _best(small, other)
    if best is None:
        return None
    refined = _refined(small, other, best)
    matrix = compose(invert(to_other), compose(refined.matrix, to_small))
    return Alignment(matrix, refined.support) if refined.support >= LEAST_SUPPORT else None


def _reduced(pixels: Pixels) -> tuple[Grey, Affine]:
    """Brightness at no more than `_LONGEST` a side, and the map to it."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    size = size_of(grey)
    factor = min(1.0, _LONGEST / max(size))
    target = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
    if target == size:
        return grey, resizing(size, size)
    small = cv2.resize(grey, target, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return small, resizing(size, target)


def _best(first: Grey, second: Grey) -> Alignment | None:
    """The proposal with most support; the first convincing one ends the search."""
    best: Alignment | None = None
    for matrix, convincing in _proposals(first, second):
        if not _plausible(matrix, first, second):
            continue
        found = Alignment(matrix, _support(first, second, matrix))
        if best is None or found.support > best.support:
            best = found
        if best.support >= convincing:
            break
    return best


def _proposals(first: Grey, second: Grey) -> Iterator[tuple[Affine, float]]:
    """Resized as a whole, also mirrored; then matched keypoints. With what convinces of each."""
    mirror = np.array([[-1.0, 0, first.shape[1] - 1], [0, 1, 0]])
    resized = resizing(size_of(first), size_of(second))
    yield resized, _CONVINCING_GUESS
    yield compose(resized, mirror), _CONVINCING_GUESS
    target = _keypoints(second)
    if (matched := _matched(_keypoints(first), target)) is not None:
        yield matched, _CONVINCING_MATCH
    flipped = np.ascontiguousarray(first[:, ::-1])
    if (matched := _matched(_keypoints(flipped), target)) is not None:
        yield compose(matched, mirror), _CONVINCING_MATCH


_Keypoints = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def _keypoints(grey: Grey) -> _Keypoints:
    """Positions ``[n, 2]`` and RootSIFT descriptors ``[n, 128]`` (Arandjelovic, Zisserman 2012)."""
    detector = cv2.SIFT.create(nfeatures=_KEYPOINTS, contrastThreshold=0.02)
    points, descriptors = detector.detectAndCompute(grey, None)
    if not points:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    rooted = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return np.asarray(cv2.KeyPoint.convert(points), np.float32), rooted.astype(np.float32)


def _matched(first: _Keypoints, second: _Keypoints) -> Affine | None:
    """The similarity on which most matched keypoints agree."""
    if min(len(first[0]), len(second[0])) < _FEWEST_MATCHES:
        return None
    # Unit vectors: the largest products are the nearest neighbours.
    products = first[1] @ second[1].T
    nearest = products.argmax(axis=1)
    two = np.partition(products, -2, axis=1)[:, -2:]
    squared = 2 - 2 * two.clip(-1, 1)
    distinct = squared[:, 1] < _RATIO**2 * squared[:, 0]
    if distinct.sum() < _FEWEST_MATCHES:
        return None
    matrix, _ = cv2.estimateAffinePartial2D(
        first[0][distinct],
        second[0][nearest[distinct]],
        method=cv2.RANSAC,
        ransacReprojThreshold=_REPROJECTION,
    )
    return None if matrix is None else np.asarray(matrix, np.float64)


def _plausible(matrix: Affine, first: Grey, second: Grey) -> bool:
    """Whether the map is of the family that is looked for and leaves enough in common."""
    stretches = np.linalg.svd(matrix[:, :2], compute_uv=False)
    if not 1 / _MOST_SCALE < stretches[1] <= stretches[0] < _MOST_SCALE:
        return False
    if stretches[0] > _MOST_STRETCH * stretches[1]:
        return False
    if abs(turn_of(matrix)) > _MOST_TURN:
        return False
    shared = _overlap(matrix, first.shape, second.shape).mean()
    back = _overlap(invert(matrix), second.shape, first.shape).mean()
    return bool(max(shared, back) >= _LEAST_OVERLAP)


def _overlap(matrix: Affine, shape: tuple[int, ...], other: tuple[int, ...]) -> Mask:
    """Which points of a 32 x 32 grid over the first picture lie in the second."""
    x, y = np.meshgrid(*(np.linspace(0, side - 1, 32) for side in (shape[1], shape[0])))
    moved = matrix[:, :2] @ np.stack([x.ravel(), y.ravel()]) + matrix[:, 2:]
    limits = np.array([[other[1]], [other[0]]])
    return np.asarray(((moved > -1) & (moved < limits)).all(axis=0))


def _support(first: Grey, second: Grey, matrix: Affine) -> float:
    """Mean of the local correlation over the textured part of what both show."""
    smooth = cv2.GaussianBlur(first, (0, 0), 1).astype(np.float32)
    warped, inside = carried_back(second, matrix, size_of(first))
    other = cv2.GaussianBlur(warped, (0, 0), 1).astype(np.float32)
    variance, other_variance, covariance = _moments(smooth, other)
    weight = np.sqrt(np.maximum(variance, other_variance)).clip(0, 20)
    textured = inside & (np.maximum(variance, other_variance) > _TEXTURE)
    if not textured.any():
        return float(inside.any() and np.abs(smooth - other)[inside].mean() < np.sqrt(_TEXTURE))
    correlation = covariance / np.sqrt((variance + 1) * (other_variance + 1))
    return float(np.average(correlation[textured], weights=weight[textured]))


def _moments(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Local variances and covariance."""

    def mean(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.blur(plane, (_WINDOW, _WINDOW)), np.float32)

    one, two = mean(first), mean(second)
    return mean(first**2) - one**2, mean(second**2) - two**2, mean(first * second) - one * two


def _refined(first: Grey, second: Grey, rough: Alignment) -> Alignment:
    """Follow corners from one picture to the other, and keep the map if support grows by it."""
    best = rough
    for _ in range(_REFINEMENTS):
        step = _flow(first, *carried_back(second, best.matrix, size_of(first)))
        if step is None:
            break
        matrix = compose(best.matrix, step)
        if not _plausible(matrix, first, second):
            break
        found = Alignment(matrix, _support(first, second, matrix))
        if found.support <= best.support:
            break
        best = found
    return best


def _flow(first: Grey, warped: Grey, inside: Mask) -> Affine | None:
    """The affine map from ``first`` to ``warped`` on which most corners agree."""
    mask = cv2.erode(inside.astype(np.uint8), np.ones((9, 9), np.uint8))
    corners = cv2.goodFeaturesToTrack(first, _CORNERS, 0.005, 5, mask=mask)
    if corners is None or len(corners) < 3 * _FEWEST_MATCHES:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        first, warped, corners, np.empty_like(corners), winSize=(15, 15), maxLevel=2
    )
    kept = found.ravel() == 1
    if kept.sum() < 3 * _FEWEST_MATCHES:
        return None
    matrix, _ = cv2.estimateAffine2D(
        corners[kept],
        moved[kept],
        method=cv2.RANSAC,
        ransacReprojThreshold=_FLOW_TOLERANCE,
    )
    return None if matrix is None else np.asarray(matrix, np.float64)
