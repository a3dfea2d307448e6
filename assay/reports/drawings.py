"""A picture with boxes, labels and arrows over it: what the macro ``drawing`` shows as SVG.

Lines and words stay vectors, so they are sharp on every screen and can be searched; only the image
itself is made of pixels. All lengths are in units of the drawing, which is `SHORTEST` to `LONGEST`
units long, whatever the size of the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count

from assay.records import Link, Pixels, Region
from assay.reports.pictures import jpeg

SHORTEST, LONGEST = 480, 760
LINE = 18
"""Height of a label."""

_CHARACTER, _PADDING = 6.7, 8.0
"""Width of a label's characters, on average and rounded up, and what it has beside them."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """A region to outline, and the words on it, if any."""

    region: Region
    words: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """Words in a box of their own."""

    box: Box
    words: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line from a ring to a dot."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and what stands over it."""

    uri: str
    words: str
    """What a screen reader says."""
    width: float
    picture_height: float
    height: float
    """More than that of the picture where labels did not fit into it."""
    boxes: tuple[Box, ...] = ()
    dashed: tuple[Box, ...] = ()
    labels: tuple[Label, ...] = ()
    arrows: tuple[Arrow, ...] = ()


def drawing(
    pixels: Pixels,
    words: str,
    marks: Sequence[Mark] = (),
    links: Iterable[Link] = (),
) -> Drawing:
    """``pixels`` ``[h, w, 3]`` as a JPEG, below ``marks`` and ``links``.

    Labels never cover one another; those of the first marks stand nearest to their boxes.
    """
    width, height = _canvas(pixels.shape[1], pixels.shape[0])
    placed = [(mark, _box(mark.region, width, height)) for mark in marks]
    labels: list[Label] = []
    for mark, box in placed:
        if mark.words:
            labels.append(_label(mark.words, box, width, height, labels))
    return Drawing(
        jpeg(pixels),
        words,
        width,
        height,
        max([height, *(label.box.y + LINE for label in labels)]),
        tuple(box for mark, box in placed if not mark.dashed),
        tuple(box for mark, box in placed if mark.dashed),
        tuple(labels),
        tuple(_arrow(link, width, height) for link in links),
    )


def _canvas(width: int, height: int) -> tuple[float, float]:
    scale = min(max(width, height, SHORTEST), LONGEST) / max(width, height)
    return width * scale, height * scale


def _box(region: Region, width: float, height: float) -> Box:
    x, y = region.left * width, region.top * height
    return Box(x, y, (region.right - region.left) * width, (region.bottom - region.top) * height)


def _arrow(link: Link, width: float, height: float) -> Arrow:
    source = link.source_x * width, link.source_y * height
    return Arrow(*source, link.copy_x * width, link.copy_y * height)


def _label(text: str, box: Box, width: float, height: float, taken: Sequence[Label]) -> Label:
    """Above the box, below it or in it, else wherever there is room, at last below the picture."""
    own = min(width, _CHARACTER * len(text) + _PADDING)
    x = max(0.0, min(box.x, width - own))
    low = box.y + box.height
    near = (y for y in (box.y - LINE, low, box.y, low - LINE) if 0 <= y <= height - LINE)
    places = (Box(x, y, own, LINE) for y in chain(near, count(0.0, LINE)))
    return next(
        Label(place, text) for place in places if not any(place.meets(other.box) for other in taken)
    )
