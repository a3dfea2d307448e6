"""Test images for integrators: what each one gives is drawn on it, and written into its file."""

from __future__ import annotations

import io
import re
from enum import StrEnum
from functools import cache

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from assay.images import MAX_PIXELS

MEDIA_TYPE = "image/png"

_KEY = "assay-sandbox"
_HEAD = 4096
"""Bytes in which the mark is looked for; it stands before the pixels."""
_WIDTH, _HEIGHT = 384, 256
_PAPER, _INK, _STRIPE = (238, 240, 244), (24, 32, 48), (70, 110, 170)


class TestImage(StrEnum):
    """The test images, by what they give."""

    __test__ = False  # pytest collects classes of such names

    AUTHENTIC = "authentic"
    MANIPULATED = "manipulated"
    SYNTHESIZED = "synthesized"
    REVIEW = "review"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"

    @property
    def is_verdict(self) -> bool:
        """Whether it is answered with a verdict, and not with an error."""
        return self not in (TestImage.UNREADABLE, TestImage.TOO_LARGE)


_MARK = re.compile(f"{_KEY}\0({'|'.join(TestImage)})".encode())


@cache
def encoded(which: TestImage) -> bytes:
    """The PNG of a test image, the same at each call.

    The two that give errors give them everywhere: one breaks off, the other has more pixels than
    the decoder takes.
    """
    if which is TestImage.TOO_LARGE:
        return _png(Image.new("1", (MAX_PIXELS // 4000 + 1, 4000)), which)
    whole = _png(_drawn(which), which)
    return whole[: len(whole) // 2] if which is TestImage.UNREADABLE else whole


def named_in(data: bytes) -> TestImage | None:
    """Which test image these bytes are, by the mark in the file; None for any other image."""
    found = _MARK.search(data[:_HEAD])
    return TestImage(found.group(1).decode()) if found else None


def _drawn(which: TestImage) -> Image.Image:
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, _WIDTH, 12), fill=_STRIPE)
    draw.text((24, 40), "Assay sandbox", fill=_INK, font=ImageFont.load_default(28))
    gives = "verdict" if which.is_verdict else "error"
    draw.text((24, 96), f"{gives}:", fill=_INK, font=ImageFont.load_default(20))
    draw.text((24, 124), which.value, fill=_STRIPE, font=ImageFont.load_default(40))
    note = "A drawing for tests; it says nothing about any photograph."
    draw.text((24, 216), note, fill=_INK, font=ImageFont.load_default(12))
    return image


def _png(image: Image.Image, which: TestImage) -> bytes:
    info, buffer = PngInfo(), io.BytesIO()
    info.add_text(_KEY, which.value)
    image.save(buffer, "PNG", pnginfo=info, optimize=True)
    return buffer.getvalue()
