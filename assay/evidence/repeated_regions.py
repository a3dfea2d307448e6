"""Repeated regions: a part of the picture that was copied from another part of it (copy-move)."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence import Examiner
from assay.evidence.repeated_regions_candidates import shifts, similarities
from assay.evidence.repeated_regions_match import (
    Detail,
    Match,
    carried,
    goes_on,
    is_of_blocks,
    match,
    warped,
    without_lattices,
)
from assay.evidence.residuals import Plane, luma, why_not
from assay.records import Heatmap, Hypothesis, Link, Mask, Measurement, Photo, Region

_FAINT = 1.0
"""Below it a match is no evidence at all: without a floor, any trace of one would be rare among
authentic images, most of which show none."""
STRONG = 5.0
"""Value from which a finding is strong: at most 1 % of authentic photographs reach it."""
_UNSURE = 4.5
"""What a match is worth at most that compression or a lattice may have made as well."""
_BY_BLOCKS = 7.5
"""Value that a shift by whole JPEG blocks has to reach instead: compression at quality 10 to 40
leaves equal blocks of up to 7.2 in a third of photographs."""
_LIKELY = 4.0
"""Value at which the heatmap of the copy passes one half."""
_SOURCE_SHARE = np.float32(0.7)
"""Suspicion of the source against that of the copy, which alone was altered."""
_MOST_PIXELS = 640_000
"""Larger pictures are reduced to this, about 800 x 800, so that time and memory stay bounded."""
_FEWEST_EDGES = 0.01
"""Share of windows that hold something to compare; below, a copy would leave no trace."""
_CELL = 4
_LINKS = 24
_CLOSING, _MARGIN = np.ones((9, 9), np.uint8), np.ones((5, 5), np.uint8)
_AGREEMENT = 8.0
"""Grey levels by which source and copy may differ, smoothed, once their means are equal."""


class RepeatedRegions(Examiner):
    """The largest area that reappears elsewhere under one exact shift, turn, scaling or flip.

    Candidates are correlation peaks and agreeing keypoints; each is then compared densely. What
    repeats in the world (windows, bricks, printed cloth) is told from a copy by three things: it
    departs from the motion by fractions of a pixel, it differs by more than compression, and it
    tends to reappear in more than one place. The value is ln(1 + nats of evidence).
    """

    name: ClassVar[str] = "repeated_regions"
    title: ClassVar[str] = "repeated regions"
    suggests: ClassVar[Hypothesis] = Hypothesis.COPIED
    conclusive: ClassVar[float | None] = STRONG
    points: ClassVar[float] = 2.3

    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo``; the heatmap has one cell for each 4x4 pixels of at most 640,000."""
        if reason := why_not(photo):
            return Measurement(self.name, not_applicable=reason)
        detail = _detail(photo)
        if detail.informative < _FEWEST_EDGES:
            return Measurement(self.name, not_applicable="too few details to match")
        best = _best(detail, _scale(photo))
        if best is None or best.value < _FAINT:
            return Measurement(self.name, 0.0, heatmap=_heatmap(np.zeros_like(detail.grey)))
        return _measured(self.name, detail, best)

    @classmethod
    def example(cls) -> tuple[Photo, Photo]:
        """Clouds with grain; in the suspicious one a square appears twice."""
        rng = np.random.default_rng(0)
        clouds = cv2.GaussianBlur(rng.normal(0, 1, (192, 192)), (0, 0), 2)
        scene = 128 + 30 * clouds / clouds.std() + rng.normal(0, 2, (192, 192))
        copied = scene.copy()
        copied[110:170, 100:160] = scene[20:80, 12:72]
        return _grey_photo(copied), _grey_photo(scene)


def _grey_photo(plane: npt.NDArray[np.float64]) -> Photo:
    grey = np.clip(plane, 0, 255).astype(np.uint8)
    return Photo(b"", np.repeat(grey[..., None], 3, axis=2), "PNG")


def _detail(photo: Photo) -> Detail:
    """``photo`` prepared at the working size; made smaller first, as float32 takes four times."""
    scale = _scale(photo)
    if scale == 1:
        return Detail.of(luma(photo.pixels))
    small = cv2.resize(photo.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Detail.of(luma(np.asarray(small, np.uint8)), reduced=True)


def _scale(photo: Photo) -> float:
    return min(1.0, float(np.sqrt(_MOST_PIXELS / np.prod(photo.size))))


def _best(detail: Detail, scale: float) -> Match | None:
    """The match of the highest value; none that another cause explains is worth `STRONG`."""
    motions = [*shifts(detail.even), *similarities(detail.grey)]
    matches = [found for motion in motions if (found := match(detail, motion)) is not None]
    best = max(without_lattices(matches), key=lambda found: found.value, default=None)
    if best is None or best.value < STRONG:
        return best
    blocks_alone = best.value < _BY_BLOCKS and is_of_blocks(best.motion, scale)
    return best.worth(_UNSURE) if blocks_alone or goes_on(detail, best, motions) else best


def _measured(name: str, detail: Detail, best: Match) -> Measurement:
    """The measurement of ``best``, with the more suspicious of its two sides as the copy."""
    here = _dense(detail, best)
    there = carried(here, best.motion)
    if copy_is_here := _seam(detail, best, here) > 0:
        source, copy = there, here
    else:
        source, copy = here, there
    strength = np.float32(best.value / (best.value + _LIKELY))
    suspicion = np.maximum(source * (_SOURCE_SHARE * strength), copy * strength)
    return Measurement(
        name,
        best.value,
        tuple(_box(side) for side in (copy, source) if side.any()),
        _heatmap(suspicion),
        links=_links(best, not copy_is_here),
    )


def _dense(detail: Detail, best: Match) -> Mask:
    """The matched area with its holes and smooth parts, out to where the two sides differ."""
    corners = np.argwhere(best.area)[:, ::-1].astype(np.int32)
    hull = np.zeros(best.area.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(corners), 1)
    difference = detail.grey - warped(detail.grey, best.motion, 1e3)
    difference -= np.median(difference[best.area])
    agree = cv2.blur(np.abs(difference), (5, 5)) < _AGREEMENT
    closed = cv2.morphologyEx((hull & agree) | best.area, cv2.MORPH_CLOSE, _CLOSING)
    return np.asarray(cv2.dilate(closed, _MARGIN), bool)


def _seam(detail: Detail, best: Match, here: Mask) -> float:
    """How often the border is rougher here than there: a paste leaves a step, its source none."""
    mask = here.astype(np.uint8)
    border = (cv2.dilate(mask, np.ones((3, 3), np.uint8)) - mask).astype(bool)
    rough = np.abs(detail.high)
    other = warped(rough, best.motion, -1e3)
    border &= other > -1e2
    return float(np.sign(rough[border] - other[border]).mean()) if border.any() else 0.0


def _heatmap(suspicion: Plane) -> Heatmap:
    rows, columns = (-(-side // _CELL) for side in suspicion.shape)
    cells = cv2.resize(suspicion, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32)


def _box(mask: Mask) -> Region:
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Region(
        columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    )


def _links(best: Match, copy_is_there: bool) -> tuple[Link, ...]:
    """Pairs of places evenly over the matched area, from the source to the copy."""
    height, width = best.area.shape
    y, x = np.nonzero(best.area)
    chosen = np.linspace(0, len(x) - 1, min(_LINKS, len(x))).astype(int)
    here = np.stack([x[chosen], y[chosen], np.ones(len(chosen))])
    there = best.motion @ here
    source, copy = (here[:2], there) if copy_is_there else (there, here[:2])
    ends = np.concatenate([source, copy]) / np.array([[width], [height], [width], [height]])
    return tuple(Link(*map(float, place)) for place in ends.clip(0, 1).T)
