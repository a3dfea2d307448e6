"""Where a model points, held against the mask of what was altered, pixel by pixel.

Metrics are those of the forensic literature (Guillaro et al. 2023, "TruFor", section 4): F1 and IoU
at the fixed threshold 0.5, and the AUC within an image, which no trait of a whole file can raise.
An image about which nothing points anywhere counts as a miss, not as missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from assay.evidence import examiners
from assay.metrics import Bools, Floats
from assay.records import Finding, Heatmap, Mask

LOCATED = ("pixel_f1", "pixel_iou", "pixel_auc")
"""Metrics of images with a mask, by name; larger is better."""
SUSPICIOUS_AREA = "suspicious_area"
"""Share of an image that is marked; on authentic images all of it is false."""
THRESHOLD = 0.5
"""Suspicion above which a pixel is marked."""

_LEVELS = 2**16
_MAX_PIXELS = 2**21
"""Larger images are compared on a coarser grid: no heatmap is nearly as fine."""


def fused_heatmap(findings: Sequence[Finding]) -> Heatmap | None:
    """One heatmap of all ``findings`` that point somewhere; None where none does.

    Each heatmap counts with its examiner's weight, and 1 - 2^-sum brings the sum back to 0..1, on
    the finest of their grids: a weight of 1 marks a place (`THRESHOLD`) by itself. A place is no
    verdict, so findings that are only shown point too.
    """
    known = examiners()
    spoken = [
        (found.measurement.heatmap, known[found.measurement.id].points)
        for found in findings
        if found.measurement.heatmap is not None and known[found.measurement.id].points
    ]
    if not spoken:
        return None
    rows, columns = np.max([heatmap.shape for heatmap, _ in spoken], axis=0).tolist()
    total = np.sum([w * _stretched(heatmap, columns, rows) for heatmap, w in spoken], axis=0)
    return np.asarray(1 - np.exp2(-total), np.float32)


def pixel_metrics(findings: Sequence[Finding], mask: Mask | None) -> dict[str, float]:
    """`LOCATED` and `SUSPICIOUS_AREA` of one image, by name.

    NaN where undefined: all without findings, `LOCATED` without a mask, and where a mask covers
    nothing or everything, as there is nothing to tell apart.
    """
    undefined = dict.fromkeys((*LOCATED, SUSPICIOUS_AREA), float("nan"))
    if not findings:
        return undefined
    heatmap = fused_heatmap(findings)
    if heatmap is None:
        heatmap = np.zeros((1, 1), np.float32)
    if mask is None:
        return undefined | {SUSPICIOUS_AREA: marked_area(heatmap)}
    return undefined | located(heatmap, mask) | {SUSPICIOUS_AREA: marked_area(heatmap)}


def located(heatmap: Heatmap, mask: Mask) -> dict[str, float]:
    """`LOCATED` of a ``heatmap`` at any grid size against a ``mask`` ``[h, w]``, by name.

    Empty where the mask covers nothing or everything.
    """
    altered = _reduced(mask)
    if altered.all() or not altered.any():
        return {}
    suspicion = _stretched(heatmap, altered.shape[1], altered.shape[0])
    marked = suspicion > THRESHOLD
    shared = int((marked & altered).sum())
    sizes = int(marked.sum()) + int(altered.sum())
    f1, iou = 2 * shared / sizes, shared / (sizes - shared)
    return dict(zip(LOCATED, (f1, iou, _auc(suspicion, altered)), strict=True))


def marked_area(heatmap: Heatmap) -> float:
    """Share of the area above `THRESHOLD`, on a grid fine enough for any image."""
    fine = _stretched(heatmap, *(max(256, side) for side in heatmap.shape[::-1]))
    return float((fine > THRESHOLD).mean())


def _auc(suspicion: Heatmap, altered: Bools) -> float:
    """The Mann-Whitney statistic over pixels, by counts of levels instead of a sort."""
    levels = np.rint(suspicion * (_LEVELS - 1)).astype(np.uint16)
    inside, outside = (
        np.bincount(levels[part], minlength=_LEVELS).astype(np.float64)
        for part in (altered, ~altered)
    )
    beaten: Floats = np.cumsum(outside) - outside / 2
    return float(inside @ beaten / (inside.sum() * outside.sum()))


def _stretched(heatmap: Heatmap, width: int, height: int) -> Heatmap:
    """Resampled bilinearly, values kept within 0..1."""
    known = np.clip(np.nan_to_num(heatmap), 0, 1).astype(np.float32)
    wide = cv2.resize(known, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide, np.float32)


def _reduced(mask: Mask) -> Bools:
    """The mask, at most `_MAX_PIXELS` large; a cell is altered where most of it is."""
    height, width = mask.shape
    scale = min(1.0, (_MAX_PIXELS / (width * height)) ** 0.5)
    if scale == 1:
        return mask
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shares = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return np.asarray(shares > 127, np.bool_)
