"""Motions that may map a part of a picture onto another part: the candidates of a copy-move.

Shifts come from the correlation of the whole picture with itself, which also sees areas without
corners; turned, scaled and mirrored copies come from matched keypoints.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence.residuals import Plane

Motion = npt.NDArray[np.float64]
"""Affine map ``[2, 3]`` from a place (x, y, 1) in pixels to the place that shows the same."""
Points = npt.NDArray[np.complex128]
"""Places ``[n]`` as x + iy, which turns a similarity into a product and a sum."""
Angles = npt.NDArray[np.float64]

NEAREST = 20
"""Pixels; texture resembles itself nearby, and nobody hides anything with so short a move."""
_SHIFTS, _KEYPOINTS, _KEYPOINT_PIXELS = 6, 1200, 60_000
_RATIO = 0.6
_TOLERANCE, _TURN_TOLERANCE = 2.5, 0.3
"""Pixels and radians by which an inlier may miss the motion."""
_SCALES = (0.45, 2.2)
_STRAIGHT = 0.03
"""Entries of a similarity that differ less from the identity are the error of its keypoints."""
_FEWEST_INLIERS = 5
_TRIALS = 400
_MIRRORED = np.array(
    [((3 - y) * 4 + x) * 8 + (-turn) % 8 for y in range(4) for x in range(4) for turn in range(8)]
)
"""Where each bin of a SIFT descriptor goes when the patch is mirrored along its orientation."""


def shifts(detail: Plane) -> list[Motion]:
    """The whole-pixel shifts at which ``detail`` ``[h, w]`` correlates best with itself.

    The power spectrum is divided by its own local mean before it is transformed back (phase
    correlation, Kuglin & Hines 1975), or the typical texture of the picture would hide the peak.
    The transform is circular, so each peak stands for a shift and for its complement.
    """
    height, width = detail.shape
    peaks = _peaks(_self_correlation(detail))
    wrapped = ((y, x - turn) for y, x in peaks for turn in (0, width))
    return [
        np.array([[1, 0, x], [0, 1, y]], np.float64)
        for y, x in wrapped
        if abs(x) < width - NEAREST and y < height - NEAREST
    ]


def similarities(grey: Plane) -> list[Motion]:
    """Similarities, also mirrored, that at least five matched keypoints of ``grey`` agree upon.

    SIFT (Lowe 2004) matched within the picture as by Amerini et al., "A SIFT-based forensic method
    for copy-move attack detection and transformation recovery" (2011): the best match must be much
    nearer than the second, and RANSAC (Fischler & Bolles 1981) finds what the matches share.
    """
    scale = min(1.0, float(np.sqrt(_KEYPOINT_PIXELS / grey.size)))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    places, angles, descriptors = _keypoints(np.asarray(small, np.float32))
    found = []
    for mirror, rounds in ((False, 2), (True, 1)):
        pairs = _matches(places, descriptors, mirror)
        for _ in range(rounds):
            motion, inliers = _consensus(places, angles, pairs, mirror)
            if inliers.sum() < _FEWEST_INLIERS:
                break
            here, there = places[pairs[inliers].T]
            found.append(_whole(motion, complex(np.median((there - here) / scale)), scale))
            pairs = pairs[~inliers]
    return found


def _self_correlation(detail: Plane) -> Plane:
    spectrum = cv2.dft(detail, flags=cv2.DFT_COMPLEX_OUTPUT)
    power = spectrum[..., 0] ** 2 + spectrum[..., 1] ** 2
    # Wrapped by hand: the spectrum is a torus, and cv2.blur knows no such border.
    padded = np.pad(power, 7, mode="wrap")
    smooth = cv2.blur(padded, (15, 15))[7:-7, 7:-7]
    white = power / (smooth + 0.05 * smooth.mean() + 1e-6)
    flags = cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT
    return np.asarray(cv2.dft(cv2.merge([white, np.zeros_like(white)]), flags=flags))


def _peaks(correlation: Plane) -> list[tuple[int, int]]:
    """Places (y, x) of the highest local maxima in the upper half; the lower one mirrors it."""
    height, width = correlation.shape
    rows, columns = np.ogrid[:height, :width]
    near = np.hypot(np.minimum(rows, height - rows), np.minimum(columns, width - columns))
    half = np.where(near < NEAREST, 0, correlation)
    half = np.where(half < cv2.dilate(half, np.ones((5, 5))), 0, half)[: height // 2 + 1]
    best = np.argsort(-half, axis=None, kind="stable")[:_SHIFTS]
    return [divmod(int(i), width) for i in best if half.flat[i] > 0]


def _keypoints(grey: Plane) -> tuple[Points, Angles, Plane]:
    """Places, orientations in radians, and descriptors ``[n, 128]`` of unit length (RootSIFT)."""
    sift = cv2.SIFT.create(nfeatures=_KEYPOINTS, contrastThreshold=0.02)
    points, descriptors = sift.detectAndCompute(grey.clip(0, 255).astype(np.uint8), None)
    if not points:
        return np.zeros(0, np.complex128), np.zeros(0), np.zeros((0, 128), np.float32)
    places = np.array([complex(*point.pt) for point in points])
    angles = np.radians([point.angle for point in points])
    shares = descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-6)
    return places, angles, np.sqrt(shares).astype(np.float32)


def _matches(places: Points, descriptors: Plane, mirror: bool) -> npt.NDArray[np.intp]:
    """Pairs ``[n, 2]`` of keypoints whose descriptors pass the ratio test, far ones only."""
    if len(places) < _FEWEST_INLIERS + 3:
        return np.zeros((0, 2), np.intp)
    other = descriptors[:, _MIRRORED] if mirror else descriptors
    distance = 2 - 2 * descriptors @ other.T
    distance[np.abs(places[:, None] - places) < NEAREST] = 9
    nearest = np.argpartition(distance, 2, axis=1)[:, :3]
    order = np.argsort(np.take_along_axis(distance, nearest, 1), axis=1)
    nearest = np.take_along_axis(nearest, order, 1)
    first, second, third = np.take_along_axis(distance, nearest, 1).T
    # One place may hold two keypoints that differ in orientation: they are no rivals.
    twin = np.abs(places[nearest[:, 0]] - places[nearest[:, 1]]) < 3
    kept = first < _RATIO**2 * np.where(twin, third, second)
    return np.column_stack([np.flatnonzero(kept), nearest[kept, 0]])


def _consensus(
    places: Points, angles: Angles, pairs: npt.NDArray[np.intp], mirror: bool
) -> tuple[Motion, npt.NDArray[np.bool_]]:
    """The similarity that most ``pairs`` agree with, and which ones do."""
    here, there = places[pairs[:, 0]], places[pairs[:, 1]]
    turn = angles[pairs[:, 1]] + (1 if mirror else -1) * angles[pairs[:, 0]]
    here = here.conj() if mirror else here
    factor, offset = _hypotheses(here, there)
    if not len(factor):
        return np.eye(2, 3), np.zeros(len(pairs), bool)
    miss = np.abs(factor[:, None] * here + offset[:, None] - there)
    turned = np.angle(np.exp(1j * turn) / (factor / np.abs(factor))[:, None])
    agree = (miss < _TOLERANCE) & (np.abs(turned) < _TURN_TOLERANCE)
    best = int(agree.sum(axis=1).argmax())
    return _as_motion(factor[best], offset[best], mirror), agree[best]


def _hypotheses(here: Points, there: Points) -> tuple[Points, Points]:
    """Factors and offsets of similarities through random pairs of matches."""
    if len(here) < _FEWEST_INLIERS:
        return np.zeros(0, np.complex128), np.zeros(0, np.complex128)
    first, second = np.random.default_rng(0).integers(0, len(here), (2, 4 * _TRIALS))
    apart = np.flatnonzero(np.abs(here[first] - here[second]) > 8)[:_TRIALS]
    first, second = first[apart], second[apart]
    factor = (there[first] - there[second]) / (here[first] - here[second])
    sound = (np.abs(factor) > _SCALES[0]) & (np.abs(factor) < _SCALES[1])
    return factor[sound], (there[first] - factor * here[first])[sound]


def _whole(motion: Motion, shift: complex, scale: float) -> Motion:
    """``motion`` in pixels of the full picture; a whole-pixel ``shift`` where it is almost one.

    Who pastes without turning pastes whole pixels; what repeats in front of a camera does not.
    """
    if np.abs(motion[:, :2] - np.eye(2)).max() < _STRAIGHT:
        return np.array([[1, 0, np.rint(shift.real)], [0, 1, np.rint(shift.imag)]])
    return np.column_stack([motion[:, :2], motion[:, 2] / scale])


def _as_motion(factor: complex, offset: complex, mirror: bool) -> Motion:
    real, imaginary, sign = factor.real, factor.imag, -1 if mirror else 1
    return np.array([[real, -sign * imaginary, offset.real], [imaginary, sign * real, offset.imag]])
