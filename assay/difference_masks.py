"""The mask of an edit whose original is known: where aligned pixels show something else."""

from __future__ import annotations

import cv2
import numpy as np

from assay.affine import carried_back, reduced, size_of
from assay.alignment import align
from assay.local_differences import local_differences
from assay.records import Mask, Pixels

LEAST_SUPPORT = 0.5
"""Mean local correlation from which an alignment is trusted with a mask: strangers stay below .12,
and what merely looks alike stays below this."""
LEAST_COVERED = 0.7
"""Of the edited picture that the original has to show; what it does not show cannot be judged."""
MOST_ALTERED = 0.6
"""Of what both show: beyond it the two are different pictures, or one was recoloured."""
_LONGEST = 1024


def difference_mask(edited: Pixels, original: Pixels) -> Mask | None:
    """Where ``edited`` ``[h, w, 3]`` shows other content than ``original``, as ``[h, w]``.

    None where the two cannot be aligned for certain, where nothing differs, or almost everything.
    Re-saving, resizing, cropping and toning of the whole are no differences.
    """
    one, other = reduced(edited, _LONGEST), reduced(original, _LONGEST)
    alignment = align(one, other)
    if alignment is None or alignment.support < LEAST_SUPPORT:
        return None
    carried, inside = carried_back(other, alignment.matrix, size_of(one))
    if inside.mean() < LEAST_COVERED:
        return None
    found = local_differences(one, np.where(inside[..., None], carried, np.uint8(0)), inside)
    if not found.regions:
        return None
    altered = np.logical_or.reduce(found.regions)
    if altered.sum() > MOST_ALTERED * inside.sum():
        return None
    grown = cv2.resize(
        altered.astype(np.uint8), size_of(edited), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return np.asarray(grown > 0)
