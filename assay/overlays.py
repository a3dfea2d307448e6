"""Which differences are a see-through overlay: a watermark changes a picture and hides nothing.

An ink of colour C and opacity a leaves (1 - a) x + a C of every pixel x below it: one line for all
of its strokes, and nothing between them. What was pasted, erased or painted over follows no such
line, or an opaque one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from assay.records import Mask
from assay.toning import Plane, lengths, products

_THIN = 0.02
"""Half the width of a stroke at most, as a share of the longer side."""
_LEAST_WIDTH = 4.0
_OPACITY = 0.06, 0.65
"""A fainter ink is none; a denser one hides what lies below, as an edit does."""
_VARIED = 6.0
"""Grey levels of spread that the ground needs, or any ink would explain one tone."""
_UNEXPLAINED = 0.07
"""Share of a region's squared difference that may be left by the ink."""
_ROUNDS, _REFITS, _FEWEST = 10, 2, 30


def overlays(first: Plane, second: Plane, regions: Sequence[Mask]) -> list[bool]:
    """For each of ``regions`` ``[h, w]``, whether it is part of one see-through overlay.

    ``first`` and ``second`` are ``[h, w, 3]`` in float; either may carry the overlay.
    """
    best = [False] * len(regions)
    for ground, marked in ((first, second), (second, first)):
        if not regions:
            break
        change = marked - ground
        expected = _expected(ground, change, regions)
        if expected is None:
            continue
        found = [_follows(change, expected, region) for region in regions]
        best = max(best, found, key=sum)
    return best


def _expected(ground: Plane, change: Plane, regions: Sequence[Mask]) -> Plane | None:
    """The change that the one ink of all regions would make everywhere ``[h, w, 3]``."""
    anywhere = np.logical_or.reduce(regions)
    strength = lengths(change)
    chosen = np.zeros(anywhere.shape, bool)
    for region in regions:
        # Ink more often than what lies between.
        chosen |= region & (strength >= np.median(strength[region]))
    varied = ground[chosen].std(axis=0).max() >= _VARIED
    for _ in range(1 + _REFITS):
        opacity, tint = _ink(ground[chosen], change[chosen])
        expected = np.asarray(tint - opacity * ground, np.float32)
        # Fitted again without the soft edges, which make an ink look fainter than it is.
        ink = _inked(anywhere, _share(change, expected))
        core = cv2.erode(ink, np.ones((2, 2), np.uint8)) > 0
        if core.sum() < _FEWEST:
            break
        chosen = core
    return expected if varied and _OPACITY[0] <= opacity <= _OPACITY[1] else None


def _share(change: Plane, expected: Plane) -> Plane:
    """How much of the expected change each pixel shows ``[h, w]``: 1 under ink, 0 elsewhere."""
    shown = products(change, expected) / np.maximum(products(expected, expected), 1)
    return np.asarray(shown, np.float32)


def _inked(region: Mask, share: Plane) -> npt.NDArray[np.uint8]:
    return np.asarray(region & (share > 0.5), np.uint8)


def _ink(ground: Plane, change: Plane) -> tuple[float, Plane]:
    """Opacity and opacity times colour ``[3]``, by reweighted least squares (Cauchy)."""
    trust = np.ones((len(ground), 1), np.float32)
    opacity, tint = 0.0, np.zeros(3, np.float32)
    for _ in range(_ROUNDS):
        means = [(trust * values).sum(axis=0) / trust.sum() for values in (ground, change)]
        spread, moved = ground - means[0], change - means[1]
        opacity = -float((trust * spread * moved).sum() / ((trust * spread**2).sum() + 1e-6))
        tint = means[1] + opacity * means[0]
        misfit = lengths(change - tint + opacity * ground)
        scale = 2 * float(np.median(misfit)) + 1
        trust = (1 / (1 + (misfit / scale) ** 2))[:, None].astype(np.float32)
    return opacity, np.asarray(tint, np.float32)


def _follows(change: Plane, expected: Plane, region: Mask) -> bool:
    """Whether a region is thin strokes of the ink, soft at their edges, and nothing else."""
    share = _share(change, expected)
    ink = _inked(region, share)
    if not ink.any() or not _is_thin(ink):
        return False
    square = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(ink, square) > cv2.erode(ink, square)
    drawn = np.where(edge, share.clip(0, 1.3), ink)[..., None] * expected
    left = np.square(change[region] - drawn[region]).sum()
    return bool(left < _UNEXPLAINED * np.square(change[region]).sum())


def _is_thin(ink: npt.NDArray[np.uint8]) -> bool:
    inner = cv2.distanceTransform(np.pad(ink, 1), cv2.DIST_L2, 3)
    return bool(inner.max() <= max(_LEAST_WIDTH, _THIN * max(ink.shape)))
