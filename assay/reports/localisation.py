"""Where the model pointed, in a table: pixel metrics by kind of edit and by dataset."""

from __future__ import annotations

from assay.evaluation import Evaluation
from assay.images import Variant
from assay.localisation import LOCATED, SUSPICIOUS_AREA
from assay.reports import interval

NAMES = {
    "pixel_f1": "pixel F1 at 0.5",
    "pixel_iou": "pixel IoU at 0.5",
    "pixel_auc": "pixel AUC within an image",
    SUSPICIOUS_AREA: "area marked on authentic images",
}
"""Metrics in words, by name."""

_CUT_BY = ("all", "manipulation", "dataset")
_COLUMNS = ("by", "part", *NAMES.values(), "images with a mask")


def table(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns, and a row for each part that has masks or authentic images, bias controlled."""
    rows = []
    for part in evaluation.slices:
        shown = [part.pixels.get(name) for name in NAMES]
        if part.by in _CUT_BY and part.variant is Variant.BIAS_CONTROLLED and any(shown):
            located = part.pixels.get(LOCATED[0])
            images = f"{located.n:,}" if located else "0"
            rows.append((part.by, part.name, *map(interval, shown), images))
    return _COLUMNS, rows
