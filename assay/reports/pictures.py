"""Pictures inside a page, as data URIs: figures as SVG, images as small WebP files."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import cv2
import numpy as np

from assay.images import encode_jpeg, encode_webp
from assay.records import Label, Mask, Pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    Label.AUTHENTIC.value: "#2a6fb0",
    Label.MANIPULATED.value: "#c8641b",
    Label.SYNTHESIZED.value: "#7a4fb3",
}
"""One colour a label, the same in every figure and page; told apart with any colour vision."""
INK, FAINT = "#1f2933", "#8795a1"

_OUTLINE = (255, 214, 0)
_WEBP_QUALITY = 75


def thumbnail(pixels: Pixels, side: int = 112, mask: Mask | None = None) -> str:
    """A data URI of ``[h, w, 3]`` pixels, at most ``side`` wide and high.

    The region that a ``mask`` ``[h, w]`` marks is outlined.
    """
    return _data_uri("image/webp", encode_webp(shrunk(pixels, side, mask), _WEBP_QUALITY))


def jpeg(pixels: Pixels, quality: int = 85) -> str:
    """A data URI of ``[h, w, 3]`` pixels as they are; larger pictures cost less time than WebP."""
    return _data_uri("image/jpeg", encode_jpeg(pixels, quality))


def shrunk(pixels: Pixels, side: int = 112, mask: Mask | None = None) -> Pixels:
    """What a `thumbnail` shows, as pixels."""
    size = pixels.shape[1], pixels.shape[0]
    small = _reduced(pixels, fitted(size, side))
    return small if mask is None else outlined(small, mask)


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """``size`` (width, height), reduced so that neither exceeds ``side``; at least 1 pixel each."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def outlined(pixels: Pixels, mask: Mask) -> Pixels:
    """``pixels`` ``[h, w, 3]`` with the region of ``mask``, of any size, outlined."""
    marked = _reduced(mask.astype(np.uint8), (pixels.shape[1], pixels.shape[0]))
    contours, _ = cv2.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    drawn = cv2.drawContours(pixels.copy(), contours, -1, _OUTLINE, 1)
    return drawn.astype(np.uint8, copy=False)


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, in the style of all reports; no window system is touched."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def shortened(text: str, length: int = 40) -> str:
    """A name in a figure, of at most ``length`` characters so that it leaves room."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def svg(drawn: Figure) -> str:
    """A data URI of a finished figure, as `svg_file`."""
    return _data_uri("image/svg+xml", svg_file(drawn))


def svg_file(drawn: Figure) -> bytes:
    """A finished figure as an SVG file; the same figure gives the same bytes.

    A dollar sign is shown as it is: in a name that a stranger gave it begins no formula.
    """
    import matplotlib as mpl
    from matplotlib.text import Text

    buffer = io.BytesIO()
    # The setting is for what is drawn from here on, as tick labels are.
    with mpl.rc_context({"svg.hashsalt": "assay", "text.parse_math": False}):
        for text in drawn.findobj(Text):
            text.set_parse_math(False)
        drawn.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _reduced(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
