"""Other ways to see an image: a heatmap over it, its residual, its error level. Pixels in and out.

Residual and error level are for people's eyes alone and enter no verdict: neither has a null rate,
and both show as much about texture and compression as about edits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from assay import images
from assay.evidence.residuals import DIAGONAL, luma, residual
from assay.records import Heatmap, Pixels
from assay.reports.pictures import fitted

Levels = npt.NDArray[np.float32]
"""Absolute differences ``[h, w, 3]``, float32, in grey levels."""

Layer = npt.NDArray[np.uint8]
"""A picture to lay over another ``[h, w, 4]``: RGB and opacity."""

ERROR_LEVEL_QUALITY = 90
"""JPEG quality of the copy that an error level compares with (after Krawetz 2007)."""

_OPAQUE, _CURVE = 0.8, 1.5
"""Opacity at a suspicion of 1, and the power by which it falls: the image stays readable below."""
_MOST_GAIN = 64
_BRIGHT = 99.5
"""Percentile that the gain brings to white."""
_STRIP_PIXELS = 2**22
_GRID = 16
"""Rows of a JPEG's largest unit (4:2:0); strips begin on it, and see as much beyond their ends."""
_LONGEST_JPEG_SIDE = 65_500
"""Pixels that libjpeg writes along a side, a little under the 16 bits of the format."""


@dataclass(frozen=True, slots=True)
class View:
    """An image made visible, and by which factor its grey levels were amplified."""

    pixels: Pixels
    gain: int


def heated(pixels: Pixels, heatmap: Heatmap) -> Pixels:
    """``pixels`` ``[h, w, 3]`` below ``heatmap``, whose opacity rises with its value.

    Colours are those of the perceptually uniform map "inferno" (Smith & van der Walt 2015).
    """
    return _blended(pixels, _stretched(heatmap, (pixels.shape[1], pixels.shape[0])))


def overlay(heatmap: Heatmap, size: tuple[int, int]) -> Layer:
    """``heatmap`` as a layer ``[h, w, 4]`` of ``size`` (width, height): RGB and opacity.

    Over an image it shows what `heated` shows.
    """
    colours, opacity = _coloured(_stretched(heatmap, size))
    return np.asarray(np.dstack([colours, np.rint(255 * opacity)]), np.uint8)


def colour_bar(stops: int) -> list[str]:
    """CSS colours of the suspicions 0..1 in ``stops`` even steps, as `heated` shows mid-grey."""
    grey = np.full((1, stops, 3), 128, np.uint8)
    shown = _blended(grey, np.linspace(0, 1, stops, dtype=np.float32)[None])
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in shown[0].tolist()]


def residual_view(pixels: Pixels, side: int) -> View:
    """Size of the diagonal high-pass residual, as grey, at most ``side`` wide and high."""
    return _view(pixels, side, _residual)


def error_level_view(pixels: Pixels, side: int) -> View | None:
    """What a JPEG copy of quality `ERROR_LEVEL_QUALITY` changes, at most ``side`` wide and high.

    None for an image too long for a JPEG.
    """
    if max(pixels.shape[:2]) > _LONGEST_JPEG_SIDE:
        return None
    return _view(pixels, side, _error_level)


def _stretched(heatmap: Heatmap, size: tuple[int, int]) -> Heatmap:
    known = np.clip(np.nan_to_num(heatmap), 0, 1).astype(np.float32)
    return np.asarray(cv2.resize(known, size), np.float32)


def _coloured(suspicion: Heatmap) -> tuple[Pixels, Heatmap]:
    """Colours ``[h, w, 3]`` of suspicions ``[h, w]``, and their opacities."""
    index = np.rint(255 * suspicion).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(index, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.asarray(colours, np.uint8), np.asarray(_OPAQUE * suspicion**_CURVE, np.float32)


def _blended(pixels: Pixels, suspicion: Heatmap) -> Pixels:
    colours, opacity = _coloured(suspicion)
    share = opacity[..., None]
    return np.asarray(pixels * (1 - share) + colours * share + 0.5, np.uint8)


def _residual(pixels: Pixels) -> Levels:
    grey = np.abs(residual(luma(pixels), DIAGONAL))
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.float32)


def _error_level(pixels: Pixels) -> Levels:
    copy = images.decode(images.encode_jpeg(pixels, ERROR_LEVEL_QUALITY)).pixels
    return np.asarray(cv2.absdiff(pixels, copy), np.float32)


def _view(pixels: Pixels, side: int, levels: Callable[[Pixels], Levels]) -> View:
    shown = np.concatenate(list(_reduced_strips(pixels, side, levels)))
    bright = float(np.percentile(shown, _BRIGHT))
    gain = int(np.clip(255 / max(bright, 1.0), 1, _MOST_GAIN))
    return View(np.clip(np.rint(shown * gain), 0, 255).astype(np.uint8), gain)


def _reduced_strips(
    pixels: Pixels, side: int, levels: Callable[[Pixels], Levels]
) -> Iterator[Levels]:
    """``levels``, averaged over the pixels behind each one shown; a strip at a time, for memory."""
    height, width = pixels.shape[:2]
    columns, rows = fitted((width, height), side)
    step = max(1, _STRIP_PIXELS // width // _GRID) * _GRID
    for top in range(0, height, step):
        bottom = min(top + step, height)
        above = max(0, top - _GRID)
        strip = levels(pixels[above : bottom + _GRID])[top - above : bottom - above]
        count = round(bottom * rows / height) - round(top * rows / height)
        if count:
            small = cv2.resize(strip, (columns, count), interpolation=cv2.INTER_AREA)
            yield np.asarray(small, np.float32)
