"""What the local examiners share: how far an area deviates from what its content explains.

Every statistic of a residual is loudest where there is texture. So blocks are described by it, the
part that texture and brightness explain is taken out by a robust regression within the image, and
what remains is read as a z-score: the strongest connected area gives the value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from assay.evidence.areas import strongest_areas
from assay.evidence.residuals import Plane, Planes, luma, why_not
from assay.records import Heatmap, Measurement, Photo, Pixels

_BLOCK, _STRIDE = 16, 8
"""Pixels; small enough for a face, large enough for 256 residuals; neighbours overlap by half."""
_STRIP, _MARGIN = 32, 16
"""Rows of blocks that are filtered at once, so that planes stay in the cache and memory bounded,
and the pixel rows above and below a strip that filters may look at."""
_CLIPPED = (4.0, 251.0)
"""Grey levels; darker or brighter blocks are clipped, so their residuals are cut off."""
_PLAIN = 1e-3
"""Gradient below which a block holds one tone, such as a frame that somebody drew: no sensor saw
it, and a picture that is mostly so would make all the rest look odd."""
_LEAST_SPREAD = 0.02
"""Robust deviation of a statistic over blocks that no photograph stays below."""
_FEWEST_BLOCKS = 32
_AREA_LEVEL = 1.0
"""Robust deviations of a smoothed block from which it can belong to a suspicious area."""
_REGION_LEVEL = 2.5


@dataclass(frozen=True, slots=True)
class Statistic:
    """What is compared between blocks: planes, whose block means are combined to one number."""

    planes: Callable[[Planes], Sequence[Plane]]
    """From RGB ``[h, w, 3]`` to planes ``[h, w]``; filters reach at most 15 pixels."""
    combine: Callable[..., Plane]
    """From the block means of those planes, as arguments, to the statistic; near Gaussian."""
    explained_by: Callable[..., Sequence[Plane]] | None = None
    """Terms beside texture and brightness that explain it, from the same arguments."""
    typical_spread: float | None = None
    """Of the unexplained part over photographs; the image's own is shrunk halfway to it."""


def inconsistency(name: str, photo: Photo, statistic: Statistic) -> Measurement:
    """The measurement ``name``: how strongly one area of ``photo`` deviates in ``statistic``.

    The value is the mean deviation of the strongest connected area times the root of its share of
    the image: large areas that deviate a little count like small ones that deviate much. The
    heatmap has one cell for each 8x8 pixels. Time and memory are linear in pixels.
    """
    if reason := why_not(photo):
        return Measurement(name, not_applicable=reason)
    deviation = _deviation(photo.pixels, statistic)
    if deviation is None:
        return Measurement(name, not_applicable="too few blocks that are neither clipped nor plain")
    return located(name, deviation)


def located(name: str, deviation: Plane) -> Measurement:
    """The measurement of smoothed robust z-scores over blocks ``[rows, columns]``."""
    regions = strongest_areas(np.asarray(np.abs(deviation)), _REGION_LEVEL)
    return Measurement(name, _strongest_area(deviation), regions, _suspicion(deviation))


def _deviation(pixels: Pixels, statistic: Statistic) -> Plane | None:
    """Smoothed robust z-score of each block's unexplained statistic ``[rows, columns]``."""
    brightness, gradient, *means = _block_means(pixels, statistic.planes)
    terms, usable = _explaining(brightness, gradient)
    more = statistic.explained_by(*means) if statistic.explained_by else ()
    target = statistic.combine(*means)
    return standardised(target, (*terms, *more), usable, statistic.typical_spread)


def content(pixels: Pixels) -> tuple[tuple[Plane, ...], npt.NDArray[np.bool_]]:
    """What a picture holds in each block ``[rows, columns]``, and which blocks are not clipped.

    The terms of texture and brightness that any statistic of residuals follows.
    """
    return _explaining(*_block_means(pixels, lambda _: ()))


def _explaining(
    brightness: Plane, gradient: Plane
) -> tuple[tuple[Plane, ...], npt.NDArray[np.bool_]]:
    texture: Plane = np.asarray(np.log(gradient + 1))
    light: Plane = brightness / np.float32(255)
    usable = (brightness > _CLIPPED[0]) & (brightness < _CLIPPED[1]) & (gradient > _PLAIN)
    return (np.ones_like(light), texture, texture**2, light, light**2), usable


def standardised(
    target: Plane,
    terms: Sequence[Plane],
    usable: npt.NDArray[np.bool_],
    typical_spread: float | None = None,
) -> Plane | None:
    """Smoothed robust z-score of what ``terms`` do not explain of ``target``, by block.

    All are ``[rows, columns]``; zero where not ``usable``, None when too few blocks are. With a
    ``typical_spread`` the image's own is shrunk halfway to it.
    """
    if usable.sum() < _FEWEST_BLOCKS:
        return None
    design = np.stack(terms, axis=-1)
    unexplained, spread = robust_residual(design[usable], target[usable])
    spread = max(spread, _LEAST_SPREAD)
    typical = spread if typical_spread is None else typical_spread
    deviation = np.zeros_like(target)
    deviation[usable] = unexplained / np.sqrt(spread * typical)
    return np.asarray(cv2.blur(deviation, (3, 3), borderType=cv2.BORDER_REFLECT))


def _block_means(pixels: Pixels, planes: Callable[[Planes], Sequence[Plane]]) -> list[Plane]:
    """Means over overlapping blocks: of brightness, of its gradient, and of ``planes``."""
    rows = pixels.shape[0] // _STRIDE - 1
    strips = []
    for first in range(0, rows, _STRIP):
        last = min(first + _STRIP, rows)
        above = min(_MARGIN, first * _STRIDE)
        end = (last - 1) * _STRIDE + _BLOCK + _MARGIN
        rgb = pixels[first * _STRIDE - above : end].astype(np.float32)
        grey = luma(rgb)
        described = (grey, _gradient(grey), *planes(rgb))
        skip, count = above // _STRIDE, last - first
        strips.append([_pool(plane)[skip : skip + count] for plane in described])
    return [np.concatenate(parts) for parts in zip(*strips, strict=True)]


def _pool(plane: Plane) -> Plane:
    """Means over overlapping blocks ``[rows, columns]``, each of four cells of 8x8 pixels."""
    rows, columns = (side // _STRIDE for side in plane.shape)
    whole = plane[: rows * _STRIDE, : columns * _STRIDE]
    cells = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    pairs = cells[:-1] + cells[1:]
    return np.asarray((pairs[:, :-1] + pairs[:, 1:]) / 4)


def _gradient(grey: Plane) -> Plane:
    """Gradient magnitude of the smoothed picture: texture that is no pixel noise."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    return np.asarray(cv2.magnitude(cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1)))


def robust_residual(design: Plane, target: Plane) -> tuple[Plane, float]:
    """Residuals of a bisquare regression (Beaton & Tukey 1974) and their robust deviation."""
    weights = np.ones_like(target)
    ridge = np.eye(design.shape[1], dtype=np.float32) * 1e-3
    for _ in range(5):
        weighted = design * weights[:, None]
        fit = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ target)
        left = target - design @ fit
        spread = 1.4826 * float(np.median(np.abs(left))) + 1e-3
        weights = np.clip(1 - (left / (4.685 * spread)) ** 2, 0.02, 1).astype(np.float32) ** 2
    return left, spread


def _strongest_area(deviation: Plane) -> float:
    """Largest of mean |z| x sqrt(area / image area) over connected areas of one sign."""
    strongest = 0.0
    for signed in (deviation, -deviation):
        areas, count = ndimage.label(signed > _AREA_LEVEL)
        index = np.arange(1, count + 1)
        if count:
            sums = ndimage.sum_labels(signed, areas, index)
            sizes = ndimage.sum_labels(np.ones_like(signed), areas, index)
            strongest = max(strongest, float(np.max(sums / np.sqrt(sizes * signed.size))))
    return strongest


def _suspicion(deviation: Plane) -> Heatmap:
    """|z| squashed into 0..1, one half at the level of a region."""
    return (1 - np.exp2(-np.abs(deviation) / _REGION_LEVEL)).astype(np.float32)


def grey_photo(plane: npt.NDArray[np.float64]) -> Photo:
    """A lossless photo of one channel ``[h, w]``, for examples."""
    grey = np.clip(plane, 0, 255).astype(np.uint8)
    return Photo(b"", np.repeat(grey[..., None], 3, axis=2), "PNG")
