"""A caption or watermark: it changes pixels and deceives nobody."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from assay.manipulations import Manipulation
from assay.manipulations.regions import Alpha, composite
from assay.records import Mask, Pixels

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_WORDS = (
    *("breaking", "live", "today", "exclusive", "photo", "archive", "report", "city", "council"),
    *("morning", "update", "official", "press", "view", "weekend", "market", "festival", "summer"),
    *("winter", "team", "final", "story", "our", "best", "new", "look", "where", "when", "people"),
    *("street", "park", "museum", "garden", "storm", "river", "mountain", "coast"),
)


class TextOverlay(Manipulation):
    """Print one or two lines of text in the bundled font, outlined or on a band."""

    name = "text_overlay"
    material = False

    def apply(self, image: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
        """Caption the image at its top or bottom; the mask is the ink and the band."""
        ink, paper = (
            ((255, 255, 255), (0, 0, 0)) if rng.random() < 0.7 else (_colour(rng), (0,) * 3)
        )
        layer, alpha = _caption(image.shape[:2], ink, paper, rng)
        return composite(image, layer, alpha)


def _colour(rng: np.random.Generator) -> tuple[int, ...]:
    """A bright, saturated ink."""
    return tuple(
        rng.permutation([255, int(rng.integers(160, 256)), int(rng.integers(0, 120))]).tolist()
    )


def _caption(
    shape: tuple[int, int],
    ink: tuple[int, ...],
    paper: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[Pixels, Alpha]:
    """Draw the text; return its colours ``[h, w, 3]`` and opacity ``[h, w]``."""
    height, width = shape
    text = "\n".join(_line(rng) for _ in range(int(rng.integers(1, 3))))
    banded, margin = rng.random() < 0.5, max(2, height // 40)
    colours, opacity = Image.new("RGB", (width, height), paper), Image.new("L", (width, height))
    size = ImageDraw.Draw(opacity)
    font, stroke = _fitting(text, 0.9 * width, 0.3 * height), 0 if banded else 2
    left, top, right, bottom = size.multiline_textbbox((0, 0), text, font, stroke_width=stroke)
    x = (width - (right - left)) / 2 - left
    y = (margin if rng.random() < 0.3 else height - (bottom - top) - margin) - top
    if banded:
        band = (0, y + top - margin, width, y + bottom + margin)
        size.rectangle(band, fill=int(rng.uniform(0.6, 1) * 255))
    size.multiline_text((x, y), text, 255, font, stroke_width=stroke, align="center")
    ImageDraw.Draw(colours).multiline_text(
        (x, y), text, ink, font, align="center", stroke_width=stroke, stroke_fill=paper
    )
    return np.asarray(colours), np.asarray(opacity, np.float32) / np.float32(255)


def _line(rng: np.random.Generator) -> str:
    words = rng.choice(_WORDS, int(rng.integers(2, 5)), replace=False)
    line = " ".join(words.tolist())
    return line.upper() if rng.random() < 0.5 else line.capitalize()


def _fitting(text: str, width: float, height: float) -> Font:
    """The bundled font, as large as ``width`` and ``height`` in pixels allow (at least 6)."""
    probe = ImageFont.load_default(100)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, probe
    )
    return ImageFont.load_default(
        max(6.0, 100 * min(width / (right - left), height / (bottom - top)))
    )
