"""Small pictures for lists; processes that decode images import nothing else of the service."""

from __future__ import annotations

import numpy as np
from PIL import Image

from assay import images

SIZE = (192, 144)
"""Pixels; shown at half of it, for dense screens."""

_QUALITY = 80


def thumbnail(data: bytes) -> bytes:
    """An image within `SIZE` as a JPEG; raises `UnreadableImage`, `ImageTooLarge`."""
    small = Image.fromarray(images.decode(data).pixels)
    small.thumbnail(SIZE, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return images.encode_jpeg(np.asarray(small), _QUALITY)
