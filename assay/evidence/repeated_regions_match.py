"""How well two parts of a picture agree under a motion, pixel by pixel.

A pasted copy differs from its source by compression alone, and follows its motion exactly. Windows,
bricks and printed cloth resemble one another too, but no camera repeats them to a twentieth of a
pixel: what a richer motion would still correct tells the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence.repeated_regions_candidates import NEAREST, Motion
from assay.evidence.residuals import Plane
from assay.records import Mask

_WINDOW = (9, 9)
_STEPS = ((0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (1, -2), (2, -1), (2, -2))
"""Pixels; a match counts by how much better it is than the picture two pixels beside it."""
_FLOOR = 4.0
"""Squared grey levels; windows that change less by such a step hold nothing to compare."""
_SAME = 0.35
"""Share of the change by a step below which two windows count as the same."""
_SMALLEST = 64
"""Pixels of a matched area; no more than the window itself."""
_SLACK = 0.05
"""Pixels, root mean square, by which a true copy may seem to depart from its motion."""
_SAME_PLACE = 8
"""Pixels; motions that end nearer are one motion found twice."""
_MOST_SAMPLES = 6000
_JPEG_BLOCK, _OFF_THE_GRID = 8, 0.3
"""Pixels of the file; and by how many a shift may miss the grid of blocks."""
_APART = 3.0
"""Pixels by which shifts differ that lead to different places of a fine lattice."""
_AGAIN = 0.5
"""Share of a matched area that matches at a third place too, from which it is a lattice."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A picture prepared for comparison; all planes ``[h, w]``."""

    grey: Plane
    high: Plane
    """Without its low frequencies: brightness may have been adjusted."""
    change: Plane
    """Least mean squared change of a window under a step of two pixels in any direction."""

    reduced: bool
    """Whether the picture was made smaller, so that whole pixels are whole no longer."""

    @classmethod
    def of(cls, grey: Plane, reduced: bool = False) -> Detail:
        """Prepare ``grey``."""
        high = grey - cv2.GaussianBlur(grey, (0, 0), 1.5)
        return cls(grey, high, _least_change(high), reduced)

    @property
    def informative(self) -> float:
        """Share of windows that hold something to compare."""
        return float((self.change > _FLOOR).mean())

    @property
    def even(self) -> Plane:
        """The high frequencies at one local contrast, so that no part drowns the others."""
        power = cv2.GaussianBlur(self.high * self.high, (0, 0), 4)
        return np.asarray(self.high / (np.sqrt(power) + 1.5))


@dataclass(frozen=True, slots=True)
class Match:
    """An area that reappears where ``motion`` takes it."""

    motion: Motion
    area: Mask
    """Pixels ``[h, w]`` whose windows match, connected."""
    evidence: float
    """Sum over the area of half the log ratio of change to difference, nats for each window.

    Times the share of it in all areas that the motion repeats: a row of windows repeats many.
    """
    departure: float
    """Pixels, root mean square, by which the area departs from the motion beyond noise."""

    @property
    def value(self) -> float:
        """ln(1 + evidence), the evidence discounted as the area departs from the motion."""
        return float(np.log1p(self.evidence * np.exp(-((self.departure / _SLACK) ** 2))))

    def worth(self, most: float) -> Match:
        """The same match with a `value` of at most ``most``."""
        evidence = min(self.value, most)
        return replace(self, evidence=float(np.expm1(evidence)), departure=0.0)


def match(detail: Detail, motion: Motion) -> Match | None:
    """The strongest area that reappears under ``motion``, which is first refined if not whole.

    Refined by least squares on the brightness (Lucas & Kanade 1981), as keypoints are good for
    half a pixel only. None when no area matches.
    """
    if detail.reduced or not _is_whole(motion):
        for looser in (0.6, 0.5):
            if (found := _strongest(_ratio(detail, motion), looser)) is None:
                return None
            motion = _refined(detail.high, motion, found[0])
    ratio = _ratio(detail, motion)
    if (found := _strongest(ratio, _SAME)) is None:
        return None
    area, evidence = found
    return Match(motion, area, evidence, _departure(detail.high, motion, area, ratio))


def without_lattices(matches: list[Match]) -> list[Match]:
    """Distinct ``matches``, worth nothing if half their area takes part in three or more motions.

    So do tiles; of three instances, as after pasting twice, each takes part in only two.
    """
    distinct: list[Match] = []
    for one in sorted(matches, key=lambda found: -found.evidence):
        if not any(_same_motion(one, kept) for kept in distinct):
            distinct.append(one)
    moved = [(one.area | carried(one.area, one.motion)).astype(np.uint8) for one in distinct]
    motions = np.asarray(np.sum(moved, axis=0, dtype=np.uint8))
    alone = [float((motions[one.area] < 3).mean()) for one in distinct]
    return [
        replace(one, evidence=one.evidence * max(0.0, 2 * share - 1))
        for one, share in zip(distinct, alone, strict=True)
    ]


def is_of_blocks(motion: Motion, scale: float) -> bool:
    """Whether ``motion`` is a shift by whole JPEG blocks of a file that was reduced by ``scale``.

    Strong compression leaves blocks exactly equal that only looked alike, and one in 64 of true
    copies lies on that grid by chance.
    """
    if not np.array_equal(motion[:, :2], np.eye(2)):
        return False
    blocks = motion[:, 2] / scale / _JPEG_BLOCK
    return bool((np.abs(blocks - np.rint(blocks)) * _JPEG_BLOCK < _OFF_THE_GRID).all())


def goes_on(detail: Detail, best: Match, motions: list[Motion]) -> bool:
    """Whether most of the area of ``best`` appears at a third place too, as on any lattice.

    Tried are twice and half the shift, and the other ``motions`` that lead elsewhere.
    """
    if not np.array_equal(best.motion[:, :2], np.eye(2)):
        return False
    shift = best.motion[:, 2]
    others = [m for m in motions if not _leads_alike(m, best)]
    others += [np.column_stack([np.eye(2), np.rint(shift * times)]) for times in (2.0, 0.5, -1.0)]
    return any(
        (_ratio(detail, other)[best.area] < _SAME).mean() >= _AGAIN
        for other in others
        if np.array_equal(other[:, :2], np.eye(2))
    )


def _leads_alike(motion: Motion, match: Match) -> bool:
    return bool(np.hypot(*(motion[:, 2] - match.motion[:, 2])) < _APART)


def _same_motion(one: Match, other: Match) -> bool:
    """Whether both take the middle of the area of ``one`` to the same place, or back from it."""
    x, y = _samples(one.area)
    middle = np.array([x.mean(), y.mean(), 1])
    moved = one.motion @ middle
    again, back = other.motion @ middle - moved, other.motion @ [*moved, 1] - middle[:2]
    return bool(min(np.hypot(*again), np.hypot(*back)) < _SAME_PLACE)


def carried(mask: Mask, motion: Motion) -> Mask:
    """Where ``motion`` takes ``mask``, same size."""
    size = mask.shape[1], mask.shape[0]
    moved = cv2.warpAffine(mask.astype(np.uint8), motion, size, flags=cv2.INTER_NEAREST)
    return np.asarray(moved, bool)


def warped(plane: Plane, motion: Motion, outside: float) -> Plane:
    """``plane`` as seen through ``motion``, same size, ``outside`` beyond the border."""
    exact = cv2.INTER_NEAREST if _is_whole(motion) else cv2.INTER_CUBIC
    flags = exact | cv2.WARP_INVERSE_MAP
    size = plane.shape[1], plane.shape[0]
    return np.asarray(
        cv2.warpAffine(
            plane, motion, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
        )
    )


def _is_whole(motion: Motion) -> bool:
    return bool(np.array_equal(motion[:, :2], np.eye(2)) and (motion == np.rint(motion)).all())


def _least_change(high: Plane) -> Plane:
    least = np.full_like(high, np.inf)
    for dy, dx in _STEPS:
        step = high - np.roll(high, (dy, dx), (0, 1))
        np.minimum(least, cv2.blur(step * step, _WINDOW), out=least)
    return least


def _ratio(detail: Detail, motion: Motion) -> Plane:
    """Difference under ``motion`` over change by a step, for each window; inf where neither."""
    miss = detail.high - warped(detail.high, motion, 1e3)
    difference = cv2.blur(miss * miss, _WINDOW)
    change = np.minimum(detail.change, warped(detail.change, motion, 0))
    ratio = (difference + 0.5) / (np.maximum(change, 0) + 0.5)
    ratio[(change < _FLOOR) | ~_far(motion, ratio.shape)] = np.inf
    return np.asarray(ratio, np.float32)


def _far(motion: Motion, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which places the motion takes far enough."""
    moved = motion - np.eye(2, 3)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    dx, dy = (axis[0] * columns + axis[1] * rows + axis[2] for axis in moved)
    return np.asarray(dx * dx + dy * dy > (0.8 * NEAREST) ** 2)


def _strongest(ratio: Plane, level: float) -> tuple[Mask, float] | None:
    """The connected area of the most evidence, and its evidence."""
    same = ratio < level
    if same.sum() < _SMALLEST:
        return None
    count, areas, stats, _ = cv2.connectedComponentsWithStats(same.astype(np.uint8), connectivity=4)
    nats = -0.5 * np.log(ratio[same])
    sums = np.bincount(areas[same], nats, count)
    sums[stats[:, cv2.CC_STAT_AREA] < _SMALLEST] = 0
    best = int(sums[1:].argmax()) + 1
    if not sums[best] > 0:
        return None
    return areas == best, float(sums[best] ** 2 / sums[1:].sum())


def _refined(high: Plane, motion: Motion, area: Mask) -> Motion:
    """``motion`` after a few Gauss-Newton steps over ``area``: shifted, and turned if it turns."""
    x, y = _samples(area)
    for _ in range(4):
        there = motion @ np.stack([x, y, np.ones_like(x)])
        centre = there.mean(axis=1)
        basis = _similarity_basis(*(there - centre[:, None]))
        if np.array_equal(motion[:, :2], np.eye(2)):
            basis = basis[:, :2]
        step = np.zeros(4)
        step[: basis.shape[1]], _ = _correction(high, motion, x, y, basis)
        if np.abs(step[:2]).max() > 2 or np.abs(step[2:]).max() > 0.1:
            break  # no longer the same motion
        turn = np.array([[step[2], -step[3]], [step[3], step[2]]])
        motion = motion + np.column_stack(
            [turn @ motion[:, :2], step[:2] + turn @ (motion[:, 2] - centre)]
        )
    return motion


def _similarity_basis(
    u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Displacements ``[2, 4, n]`` at places (u, v) by two shifts, a scaling and a turn."""
    none, one = np.zeros_like(u), np.ones_like(u)
    return np.array([[one, none, u, -v], [none, one, v, u]])


def _departure(high: Plane, motion: Motion, area: Mask, ratio: Plane) -> float:
    """Displacement that a quadratic motion would add, less what noise alone would make it add."""
    x, y = _samples(area)
    u, v = (x - x.mean()) / 50, (y - y.mean()) / 50
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v])
    none = np.zeros_like(terms)
    basis = np.array([np.concatenate([terms, none]), np.concatenate([none, terms])])
    _, displacement = _correction(high, motion, x, y, basis)
    noise = 16 * float(np.median(ratio[area])) / area.sum()
    return float(np.sqrt(max(0.0, (displacement**2).sum(axis=0).mean() - noise)))


def _samples(area: Mask) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Places (x, y) of at most some thousand pixels, evenly over ``area``."""
    y, x = np.nonzero(area)
    step = max(1, -(-len(x) // _MOST_SAMPLES))
    return x[::step].astype(np.float64), y[::step].astype(np.float64)


def _correction(
    high: Plane,
    motion: Motion,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    basis: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Coefficients ``[terms]`` of ``basis`` ``[2, terms, n]`` that lessen the difference most.

    With the displacements ``[2, n]`` that they add up to.
    """
    there = motion @ np.stack([x, y, np.ones_like(x)])
    seen, right, down = _sampled(high, there)
    miss = high[y.astype(int), x.astype(int)] - seen
    # Cauchy weights: an edge of the area that belongs to neither part must not steer the fit.
    weight = 1 / (1 + (miss / (1.5 * np.median(np.abs(miss)) + 1)) ** 2)
    design = (right * basis[0] + down * basis[1]).T
    weighted = design * weight[:, None]
    ridge = 1e-2 * np.eye(design.shape[1])
    solution = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ miss)
    return solution, np.tensordot(solution, basis, (0, 1))


def _sampled(high: Plane, places: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Value and gradient (x, y) of ``high`` at ``places`` ``[2, n]``."""
    x, y = places.astype(np.float32)[:, None]

    def at(dx: float, dy: float) -> npt.NDArray[np.float64]:
        moved = cv2.remap(high, x + dx, y + dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved[0], np.float64)

    return at(0, 0), (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
