"""The block grid of JPEG in decoded pixels: coefficients, quantisation steps, and grid offsets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from assay.evidence.residuals import Plane, luma
from assay.records import Photo, Pixels

BLOCK = 8
FREQUENCIES = tuple((v, u) for v in range(4) for u in range(4) if 0 < v + u < 5 and v * u < 4)
"""Vertical and horizontal frequency of the coefficients that are read: low ones, which survive."""
_LARGEST_STEP = 32
_RESOLUTION = 4
"""Bins of a histogram for each unit of a coefficient."""
_LARGEST = 256
"""Coefficients are cut there; larger ones are rare."""
_FEWEST = 100
"""Coefficients beyond half a step, to say anything of it."""
_COMB_LEVEL, _COMB_DEPTH = 8.0, 0.35
"""Deviations of a comb from chance, and its mean cosine beyond what is expected: images that were
compressed once reach 6 and 0.3 where both are large."""
_FEWEST_COMBS = 4
"""Frequencies that must show a comb: edges and text make one or two."""
_STEEPEST = 20.0
"""Grey levels; a larger third difference is an edge of the picture, and counts no more."""

Table = npt.NDArray[np.int64]
"""Luma quantisation steps ``[8, 8]``, vertical frequency first; ones for no quantisation."""
Offset = tuple[int, int]
"""Columns and rows from the picture's corner to the first block's, 0..7."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier JPEG generation: where its grid begins, and its steps by `FREQUENCIES`."""

    offset: Offset
    steps: tuple[int, ...]
    """0 where none was found."""
    strength: float
    """Sum of the combs' deviations from chance."""


def coefficients(pixels: Pixels, offset: Offset = (0, 0)) -> Plane:
    """Block DCT of the brightness ``[frequencies, rows, columns]`` on the grid at ``offset``."""
    across, down = offset
    part = pixels[down:, across:]
    rows, columns = part.shape[0] // BLOCK, part.shape[1] // BLOCK
    found = np.empty((len(FREQUENCIES), rows, columns), np.float32)
    for first in range(0, rows, 64):  # strips, so that memory is bounded
        strip = part[first * BLOCK : min(first + 64, rows) * BLOCK, : columns * BLOCK]
        found[:, first : first + 64] = _strip_coefficients(luma(strip))
    return found


def last_table(photo: Photo) -> Table | None:
    """The luma steps that the file itself declares; None when it is no JPEG or there is no file."""
    if photo.format != "JPEG" or not photo.data:
        return None
    try:
        with Image.open(io.BytesIO(photo.data), formats=("JPEG",)) as image:
            return _table(image)
    except OSError:  # pixels that came with other bytes
        return None


def nearest_quality(table: Table) -> int:
    """The quality 1..100 whose table of libjpeg is nearest, in mean log ratio of the steps."""
    distances = [np.abs(np.log(table / standard)).mean() for standard in _standard_tables()]
    return int(np.argmin(distances)) + 1


def earlier_quality(earlier: Earlier) -> int:
    """The quality 1..100 whose table of libjpeg is nearest to the steps that were found."""
    steps = np.array(earlier.steps)
    known = steps > 0
    standard = np.array([[table[place] for place in FREQUENCIES] for table in _standard_tables()])
    return int(np.abs(np.log(standard[:, known] / steps[known])).mean(axis=1).argmin()) + 1


def earlier_generation(pixels: Pixels, last: Table | None) -> Earlier | None:
    """The clearest JPEG generation before the ``last``, judged by the middle of the picture."""
    middle = _middle(pixels)
    found = [_combs(middle, offset, last) for offset in _likely_offsets(middle)]
    clear = [one for one in found if np.count_nonzero(one.steps) >= _FEWEST_COMBS]
    return max(clear, key=lambda one: one.strength, default=None)


def _strip_coefficients(grey: Plane) -> Plane:
    rows, columns = grey.shape[0] // BLOCK, grey.shape[1] // BLOCK
    blocks = grey.reshape(rows, BLOCK, columns, BLOCK).transpose(0, 2, 1, 3)
    basis = _basis()
    flat = blocks.reshape(-1, BLOCK * BLOCK) @ basis.T
    return flat.T.reshape(len(FREQUENCIES), rows, columns)


@lru_cache(maxsize=1)
def _basis() -> Plane:
    """The DCT as weights of a block's pixels ``[frequencies, 64]``."""
    import scipy.fft

    cosines = scipy.fft.dct(np.eye(BLOCK), axis=0, norm="ortho")
    return np.stack([np.outer(cosines[v], cosines[u]).ravel() for v, u in FREQUENCIES]).astype(
        np.float32
    )


def _middle(pixels: Pixels, side: int = 512) -> Pixels:
    """The middle, at most ``side`` large, cut on the grid of the picture's corner."""
    top, left = (max(0, (length - side) // 2 // BLOCK * BLOCK) for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def _likely_offsets(pixels: Pixels) -> Sequence[Offset]:
    """The corner's grid, and those along whose lines the picture is blocky beside it."""
    grey = luma(pixels)
    across, down = _blockiest(grey), _blockiest(np.ascontiguousarray(grey.T))
    return ((0, 0), (across, 0), (0, down), (across, down))


def _blockiest(grey: Plane) -> int:
    """The phase 1..7 with the largest mean third difference across a line between columns."""
    kernel = np.array([[-1, 3, -3, 1]], np.float32)
    steep = np.abs(cv2.filter2D(grey, -1, kernel, borderType=cv2.BORDER_REPLICATE))
    profile = np.minimum(steep, _STEEPEST).mean(axis=0)[BLOCK:-BLOCK]
    whole = profile[: len(profile) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=0)
    return int(whole[1:].argmax()) + 1


def _combs(pixels: Pixels, offset: Offset, last: Table | None) -> Earlier:
    """The steps whose combs stand out on the grid at ``offset``.

    What combs the picture would show without them is read from a grid that is shifted by half a
    block, where no step is left, and quantised by the ``last`` table (calibration after Fridrich,
    Goljan & Hogea, "Steganalysis of JPEG images: breaking the F5 algorithm", 2002).
    """
    table = np.ones((BLOCK, BLOCK), np.int64) if last is None else last
    shifted = ((offset[0] + 4) % BLOCK, (offset[1] + 4) % BLOCK)
    pairs = zip(coefficients(pixels, offset), coefficients(pixels, shifted), strict=True)
    found = [
        _step(seen, unquantised, int(table[place]), aligned=offset == (0, 0))
        for (seen, unquantised), place in zip(pairs, FREQUENCIES, strict=True)
    ]
    return Earlier(offset, tuple(step for step, _ in found), sum(score for _, score in found))


def _step(seen: Plane, unquantised: Plane, last: int, aligned: bool) -> tuple[int, float]:
    """The step coarser than the ``last`` whose comb stands out most, and its deviations; or 0.

    A grid that is not ``aligned`` with the last one is not quantised by it; but where it is only a
    pixel off, the last comb shows through.
    """
    histogram, smooth = _histogram(seen), _histogram(unquantised)
    expected = _quantised(smooth, last if aligned else 1) * (histogram.sum() / max(smooth.sum(), 1))
    teeth, beyond = _comb_weights()
    counts = beyond @ histogram
    beyond_chance = teeth @ (histogram - expected)
    scores = beyond_chance / np.sqrt(np.maximum(counts, 1) / 2)
    steps = np.arange(2, _LARGEST_STEP + 1)
    clear = (scores > _COMB_LEVEL) & (beyond_chance > _COMB_DEPTH * counts)
    scores[~clear | (counts < _FEWEST) | (steps <= last + 1)] = 0
    best = int(scores.argmax())
    return (int(steps[best]) if scores[best] else 0), float(scores[best])


def _histogram(values: Plane) -> npt.NDArray[np.float64]:
    """Counts of magnitudes in bins of 1 / `_RESOLUTION`."""
    bins = np.rint(np.abs(values) * _RESOLUTION).astype(np.int64).ravel()
    last = _LARGEST * _RESOLUTION
    return np.bincount(np.minimum(bins, last), minlength=last + 1)[:last].astype(np.float64)


def _quantised(histogram: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    """What quantisation makes of a histogram."""
    width = step * _RESOLUTION
    nearest = (np.arange(len(histogram)) + width // 2) // width * width
    return np.asarray(np.bincount(nearest, histogram, len(histogram))[: len(histogram)], float)


@lru_cache(maxsize=1)
def _comb_weights() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """By step, the cosine over the bins beyond half of it, and where those bins are."""
    magnitude = np.arange(_LARGEST * _RESOLUTION) / _RESOLUTION
    candidates = np.arange(2, _LARGEST_STEP + 1)[:, None]
    beyond = (magnitude > candidates / 2).astype(np.float64)
    return np.cos(2 * np.pi * magnitude / candidates) * beyond, beyond


@lru_cache(maxsize=1)
def _standard_tables() -> list[Table]:
    """Those of libjpeg for the qualities 1..100, as its own encoder writes them."""
    return [_table_at(quality) for quality in range(1, 101)]


def _table_at(quality: int) -> Table:
    buffer = io.BytesIO()
    Image.new("L", (BLOCK, BLOCK)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return _table(image)


def _table(image: Image.Image) -> Table:
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    steps = tables.get(0) or [1] * BLOCK * BLOCK
    return np.maximum(np.array(steps, np.int64).reshape(BLOCK, BLOCK), 1)
