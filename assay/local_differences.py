"""Where two aligned pictures differ by more than one was changed as a whole.

Colours are first carried over by one robust fit for the whole picture. What remains is held, at
several scales, against what remains elsewhere in parts as busy as this one: compression, blur and
a misfit of a fraction of a pixel leave more where there are edges, an edit leaves more than both.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from assay.overlays import overlays
from assay.records import Mask, Pixels
from assay.toning import Plane, lengths, toned_alike

_LEAST_NOISE = 1.5
"""Grey levels; two pictures that agree better than this are not told apart more finely."""
_LEVELS = 3
"""Of the pyramid: smoothing by 1, 2 and 4 pixels of the common frame."""
_BINS = 24
_SEED, _GROWN = 6.0, 2.5
"""Times the usual difference at which a region is one, and to which it extends."""
_VISIBLE = 5.0
"""Grey levels, smoothed, below which no difference is reported."""
_SOFT = 1.5
"""Pixels of smoothing before content is compared, as a copy may be less sharp."""
_LEAST_PIXELS, _LEAST_SHARE = 48, 4e-4
_OTHER_CONTENT, _OTHER_TONE = 110.0, 30.0
"""Grey levels (length in RGB) by which a region differs in what it shows, times the side of a
square of its size in pixels; and by which it differs in its tone."""


@dataclass(frozen=True, slots=True)
class LocalDifferences:
    """What differs locally, in the common frame."""

    excess: Plane
    """How many times the usual difference each pixel shows ``[h, w]``; 0 outside the overlap."""
    regions: tuple[Mask, ...]
    """Connected regions ``[h, w]`` that differ, the largest first."""
    marks: tuple[Mask, ...]
    """Connected regions ``[h, w]`` of a see-through overlay, such as a watermark."""


def local_differences(first: Pixels, second: Pixels, inside: Mask) -> LocalDifferences:
    """Compare two pictures ``[h, w, 3]`` of one frame where ``inside`` holds."""
    # Less a margin, where what the warp interpolates is not the picture's own.
    square = np.ones((7, 7), np.uint8)
    margin = cv2.erode(inside.astype(np.uint8), square, borderValue=0) > 0
    pairs = toned_alike(first, second, inside)
    excess = np.minimum.reduce([_excess_at_every_scale(*pair, margin) for pair in pairs])
    one, two = pairs[0]
    soft, also_soft = (cv2.GaussianBlur(p, (0, 0), _SOFT).astype(np.float32) for p in pairs[0])
    found = [region for region in _regions(excess) if _differs(soft, also_soft, region)]
    marked = list(zip(found, overlays(one, two, found), strict=True))
    return LocalDifferences(
        excess,
        tuple(region for region, mark in marked if not mark),
        tuple(region for region, mark in marked if mark),
    )


def _excess_at_every_scale(one: Plane, two: Plane, inside: Mask) -> Plane:
    """The largest excess of each pixel over the levels of a pyramid; 0 outside."""
    height, width = inside.shape
    weight = inside.astype(np.float32)
    difference = (one - two) * weight[..., None]
    largest = np.zeros((height, width), np.float32)
    for level in range(_LEVELS):
        if level:
            one, two, difference, weight = map(_halved, (one, two, difference, weight))
        excess = _excess(one, two, difference, weight > 0)
        grown = cv2.resize(excess, (width, height), interpolation=cv2.INTER_LINEAR)
        largest = np.maximum(largest, grown)
    largest[~inside] = 0
    return largest


def _halved(plane: Plane) -> Plane:
    size = max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _excess(one: Plane, two: Plane, difference: Plane, inside: Mask) -> Plane:
    """Difference at one scale in units of what is usual among parts as busy."""
    if not inside.any():
        return np.zeros(inside.shape, np.float32)
    strength = lengths(np.asarray(cv2.GaussianBlur(difference, (0, 0), 1), np.float32))
    busy = np.sqrt(np.maximum(_activity(one), _activity(two)))
    excess = strength / _usual(strength, busy, inside)
    return np.where(strength < _VISIBLE, np.minimum(excess, _GROWN), excess).astype(np.float32)


def _activity(picture: Plane) -> Plane:
    """Local variance of all channels together."""
    mean = np.asarray(cv2.blur(picture, (5, 5)), np.float32)
    square = np.asarray(cv2.blur(picture**2, (5, 5)), np.float32)
    variance = (square.sum(axis=2) - lengths(mean) ** 2).clip(0)
    # An edge is busy for as far as the smoothing carries what it leaves.
    return np.asarray(cv2.dilate(variance, np.ones((3, 3), np.uint8)), np.float32)


def _usual(difference: Plane, busy: Plane, inside: Mask) -> Plane:
    """The median difference of parts as busy, never falling as they get busier."""
    levels, differences = busy[inside], difference[inside]
    order = np.argsort(levels)
    bins = [part for part in np.array_split(order, _BINS) if part.size]
    centres = np.array([np.median(levels[part]) for part in bins])
    medians = np.array([np.median(differences[part]) for part in bins])
    usual = np.maximum.accumulate(np.maximum(medians, _LEAST_NOISE))
    return np.interp(busy, centres, usual).astype(np.float32)


def _regions(excess: Plane) -> list[Mask]:
    """Connected regions that hold a seed, without specks, the largest first."""
    grown = (excess > _GROWN).astype(np.uint8)
    opened = cv2.morphologyEx(grown, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    least = max(_LEAST_PIXELS, round(_LEAST_SHARE * excess.size))
    count, numbered, statistics, _ = cv2.connectedComponentsWithStats(opened)
    areas = statistics[:, cv2.CC_STAT_AREA]
    seeds = np.bincount(numbered[excess > _SEED], minlength=count)
    kept = [n for n in range(1, count) if areas[n] >= least and seeds[n] >= least // 4]
    return [numbered == number for number in sorted(kept, key=lambda n: -areas[n])]


def _differs(one: Plane, two: Plane, region: Mask) -> bool:
    """Whether a region shows something else, not only the same in a slightly other tone."""
    ours, theirs = one[region], two[region]
    difference = float(lengths(ours - theirs).mean())
    content = difference * (1 - _correlation(ours.mean(axis=1), theirs.mean(axis=1)))
    return bool(content * np.sqrt(len(ours)) > _OTHER_CONTENT or difference > _OTHER_TONE)


def _correlation(first: Plane, second: Plane) -> float:
    """Pearson's; 0 where one is flat."""
    spread = float(first.std() * second.std())
    return float(((first - first.mean()) * (second - second.mean())).mean() / max(spread, 1e-3))
