"""Whether examinations that know nothing of each other point to the same place.

A network trained on edits finds the oddest part of any image, and cannot say whether it is odder
than those of honest ones. Where noise, sharpness and colour, measured without training, are odd in
the same place, it probably is.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from assay.evidence.consistency import content, robust_residual
from assay.records import Heatmap, Pixels

_Plane = npt.NDArray[np.float32]

_FEWEST_BLOCKS = 32


def agreement(
    logits: npt.NDArray[np.float32], others: Sequence[Heatmap], pixels: Pixels
) -> float | None:
    """Mean correlation of ``logits`` ``[rows, columns]`` with each of ``others``, -1..1.

    What texture and brightness explain is taken out of all of them first, as skies and leaves draw
    every examination alike. None without others, or where too little of the picture is not clipped.
    """
    terms, usable = content(pixels)
    if not others or usable.sum() < _FEWEST_BLOCKS:
        return None
    design = np.stack(terms, axis=-1)[usable]
    own, *theirs = (_unexplained(plane, usable, design) for plane in (logits, *others))
    return float(np.mean([own @ their for their in theirs]))


def _unexplained(plane: _Plane, usable: npt.NDArray[np.bool_], design: _Plane) -> _Plane:
    """What ``design`` does not explain of the usable blocks of a plane, as a vector of length 1."""
    rows, columns = usable.shape
    blocks = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA)
    left, _ = robust_residual(design, np.asarray(blocks, np.float32)[usable])
    centred = left - left.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), np.float32)
