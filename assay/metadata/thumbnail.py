"""Whether an embedded thumbnail shows the image; editors that do not renew it leave the old one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from assay import images
from assay.errors import DataError
from assay.metadata import UNREADABLE, Fact
from assay.records import Pixels

_GRID = 32
"""Cells a side on which both are compared."""
_SAMPLES = 16
"""Pixels a side of a cell that are read: enough for its mean, however large the image."""
_MOST_PIXELS = 2**22
_DIFFERENT = 35.0
"""Grey levels, over 3x3 cells. The largest of 194 thumbnails as cameras and Photoshop left them in
research images is 29, the 95th percentile 9."""
_FITTED_GAIN = (0.5, 2.0)

_Cells = npt.NDArray[np.float32]


def facts(name: str, data: bytes, pixels: Pixels) -> tuple[Fact, ...]:
    """A fact ``name`` when ``data``, an encoded thumbnail, differs from ``pixels`` ``[h, w, 3]``.

    Brightness, aspect-corrected and fitted in level and contrast, is compared in 32x32 cells, in
    the one of four rotations that fits best (after Kee & Farid, "Digital image authentication
    from thumbnails", 2010, who model how a camera makes one). A change in less than about a tenth
    of the width does not show.
    """
    try:
        if not _is_small(data):
            return ((name, UNREADABLE),)
        difference = _difference(images.decode(data).pixels, pixels)
    except DataError:
        return ((name, UNREADABLE),)
    if difference < _DIFFERENT:
        return ()
    return ((name, f"differs from the image, by {difference:.0f} of 255 grey levels"),)


def _is_small(data: bytes) -> bool:
    header = images.header(data)
    return int(header["width"]) * int(header["height"]) <= _MOST_PIXELS


def _difference(thumbnail: Pixels, pixels: Pixels) -> float:
    image, small = _cells(_luma(pixels)), _luma(thumbnail)
    aspect = pixels.shape[1] / pixels.shape[0]
    turned = (np.rot90(small, quarter) for quarter in range(4))
    return min(_strongest(image, _cells(_cropped(one, aspect))) for one in turned)


def _luma(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Brightness of every so many pixels, `_SAMPLES` a cell or a few more."""
    step = max(1, min(pixels.shape[:2]) // (_GRID * _SAMPLES))
    sampled = np.ascontiguousarray(pixels[::step, ::step])
    return np.asarray(cv2.cvtColor(sampled, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _cropped(thumbnail: npt.NDArray[np.uint8], aspect: float) -> npt.NDArray[np.uint8]:
    """The middle in the image's aspect: cameras fill a thumbnail of 4:3 with black bars."""
    height, width = thumbnail.shape
    kept_height = max(1, min(height, round(width / aspect)))
    kept_width = max(1, min(width, round(height * aspect)))
    top, left = (height - kept_height) // 2, (width - kept_width) // 2
    return np.ascontiguousarray(thumbnail[top : top + kept_height, left : left + kept_width])


def _cells(luma: npt.NDArray[np.uint8]) -> _Cells:
    """Mean brightness of each cell around its overall mean."""
    means = cv2.resize(luma, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(means - means.mean())


def _strongest(image: _Cells, thumbnail: _Cells) -> float:
    """The largest mean difference over 3x3 cells, the thumbnail's contrast fitted first."""
    gain = float((image * thumbnail).sum()) / max(float((thumbnail**2).sum()), 1e-6)
    left = np.abs(image - thumbnail * np.clip(gain, *_FITTED_GAIN))
    return float(cv2.blur(left, (3, 3)).max())
