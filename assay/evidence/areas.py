"""Where a map of suspicion is high: its connected areas, as boxes."""

from __future__ import annotations

from scipy import ndimage

from assay.evidence.residuals import Plane
from assay.records import Region

_MOST = 5


def strongest_areas(strength: Plane, level: float) -> tuple[Region, ...]:
    """Boxes of the connected areas of ``strength`` ``[rows, columns]`` above ``level``.

    At most five, the one whose box holds the most strength first.
    """
    areas, _ = ndimage.label(strength > level)
    rows, columns = strength.shape
    found = [
        (float(strength[box].sum()), box) for box in ndimage.find_objects(areas) if box is not None
    ]
    found.sort(key=lambda entry: -entry[0])
    return tuple(
        Region(x.start / columns, y.start / rows, x.stop / columns, y.stop / rows)
        for _, (y, x) in found[:_MOST]
    )
