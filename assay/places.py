"""Parts of an image in words: where a mask lies, and where a measurement points.

Masks, boxes and heatmaps are all reduced to how much of each ninth of the image they cover, so that
one rule says which part they lie in, for whoever writes a place and for whoever checks it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.records import Mask, Measurement, Region

Coverage = npt.NDArray[np.float64]
"""Share of each ninth ``[3, 3]`` that an area covers, 0..1, top row first."""

WHOLE = "whole image"
PARTS = (
    *("upper left part", "upper centre part", "upper right part"),
    *("middle left part", "middle of the image", "middle right part"),
    *("lower left part", "lower centre part", "lower right part"),
)
PLACES = (*PARTS, WHOLE)

_ALL = 0.8
"""An area that covers more than this share of the image is no part of it."""
_ROUNDING = 1e-6
"""A box that reaches less far into a cell only ends beside it."""
_MOST = 0.9
"""Parts covered at least this far, relative to the most covered one, count as covered alike; the
one in the middle of the area then stands for them."""
_LEAST = 0.5
"""A part counts as meant when it is covered at least this far, relative to the most covered one."""


def region_words(area: Mask | Region) -> str:
    """The part of the image that ``area`` covers most, "lower left part"; "" for an empty area."""
    return _words(_coverage(area))


def lies_in(area: Mask | Region, place: str) -> bool:
    """Whether ``place`` is among the parts that ``area`` mostly covers."""
    return _covers(_coverage(area), place)


def where(measurement: Measurement) -> str:
    """The part that ``measurement`` points at most strongly; "" when it points nowhere."""
    return _words(_strongest(measurement))


def points_at(measurement: Measurement, place: str) -> bool:
    """Whether the area that ``measurement`` points at most strongly lies in ``place``.

    Weaker areas do not count: a model is told of the strongest, and would only guess the others.
    """
    return _covers(_strongest(measurement), place)


def region(place: str) -> Region:
    """The box that ``place``, one of `PLACES`, names; `region_words` of it is ``place`` again."""
    if place == WHOLE:
        return Region(0, 0, 1, 1)
    row, column = divmod(PARTS.index(place), 3)
    return Region(column / 3, row / 3, (column + 1) / 3, (row + 1) / 3)


def _strongest(measurement: Measurement) -> Coverage:
    """What the first region covers, as far as the heatmap is hot there; without regions, the hot.

    Hot is at least half as much as the hottest cell, as heatmaps of different measurements have no
    common scale.
    """
    heatmap, boxes = measurement.heatmap, measurement.regions[:1]
    if heatmap is None:
        return _coverage(boxes[0]) if boxes else np.zeros((3, 3))
    hot = (heatmap > 0) & (heatmap >= heatmap.max() / 2)
    return _coverage(hot & _inside(boxes[0], hot.shape) if boxes else hot)


def _inside(box: Region, shape: tuple[int, int]) -> Mask:
    """The cells ``[rows, columns]`` that ``box`` touches: a small one may miss every centre."""
    rows, columns = (
        (np.arange(count) / count < stop - _ROUNDING)
        & (np.arange(1, count + 1) / count > start + _ROUNDING)
        for count, start, stop in zip(
            shape, (box.top, box.left), (box.bottom, box.right), strict=True
        )
    )
    return np.asarray(rows[:, None] & columns)


def _coverage(area: Mask | Region) -> Coverage:
    if isinstance(area, Region):
        return _thirds([area.top, area.bottom]) @ _thirds([area.left, area.right]).T
    rows, columns = (np.linspace(0, 1, count + 1) for count in area.shape)
    return _thirds(rows) @ area.astype(np.float32) @ _thirds(columns).T


def _thirds(edges: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Share of each third of 0..1 that lies between neighbouring ``edges``: ``[3, n - 1]``."""
    start = np.arange(3)[:, None] / 3
    inner = np.clip(np.asarray(edges, np.float64), start, start + 1 / 3)
    return np.asarray(3 * np.diff(inner, axis=1))


def _words(coverage: Coverage) -> str:
    if not coverage.any():
        return ""
    if coverage.mean() > _ALL:
        return WHOLE
    most = np.argwhere(coverage >= _MOST * coverage.max())
    centre = np.average(np.indices((3, 3)), axis=(1, 2), weights=coverage)
    distance = np.linalg.norm(most - centre, axis=1)
    row, column = most[np.argmin(distance.round(6))]
    return PARTS[3 * row + column]


def _covers(coverage: Coverage, place: str) -> bool:
    if not coverage.any():
        return False
    if place == WHOLE:
        return bool(coverage.mean() > _ALL)
    return bool(coverage.flat[PARTS.index(place)] >= _LEAST * coverage.max())
