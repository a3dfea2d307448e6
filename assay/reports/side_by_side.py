"""Two pictures of one scene laid on each other, and where they differ: for a slider."""

from __future__ import annotations

from dataclasses import dataclass

from assay import images
from assay.reports import views
from assay.siblings import compare_encoded


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Three PNG images of equal size, in a frame that both pictures share."""

    this: bytes
    other: bytes
    difference: bytes
    """The first below a heatmap of what differs beyond the usual."""

    def __len__(self) -> int:
        """Bytes of all three."""
        return len(self.this) + len(self.other) + len(self.difference)


def side_by_side(first: bytes, second: bytes) -> SideBySide | None:
    """Two encoded images in their common frame; None where one is not found in the other.

    Black where only one of them shows anything. Raises as `assay.images.decode`.
    """
    found = compare_encoded(first, second)
    if found.renderings is None or found.heatmap is None:
        return None
    this, other = found.renderings
    heated = views.heated(this, found.heatmap)
    return SideBySide(*(images.encode_png(picture) for picture in (this, other, heated)))
