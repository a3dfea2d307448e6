"""The AUC of each part beside those of its controls and baselines, in a table."""

from __future__ import annotations

from collections.abc import Iterator

from assay.baseline import QUANTISATION
from assay.controls import RESCALED, UNTOUCHED_WINDOW
from assay.evaluation import Evaluation, Slice
from assay.images import Variant
from assay.metrics import Metric
from assay.predictions import LOG_ODDS
from assay.reports import interval

NAMES = {
    f"{LOG_ODDS}_auc": "AUC before calibration",
    f"{UNTOUCHED_WINDOW}_auc": "AUC of untouched windows",
    f"{RESCALED}_auc": "AUC after rescaling",
    f"{QUANTISATION}_auc": "AUC of quantisation tables alone",
}
"""Metrics in words, by name."""

_COLUMNS = (
    "part",
    "AUC, bias controlled",
    "before calibration",
    "untouched windows",
    "rescaled",
    "metadata alone",
    "quantisation tables alone, as is",
    "mark",
)
_CUT_BY = ("all", "manipulation", "dataset")


def table(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns, and a row for each part with an AUC; no row where no control was measured."""
    rows = list(_rows(evaluation))
    is_controlled = any(part.controls for part in evaluation.slices)
    return _COLUMNS, rows if is_controlled else []


def _rows(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    found = {(p.by, p.name, p.variant): p for p in evaluation.slices if p.by in _CUT_BY}
    for (by, name, kind), part in found.items():
        if kind is Variant.BIAS_CONTROLLED and part.metrics["auc"] is not None:
            windows, scaled = part.controls.get(UNTOUCHED_WINDOW), part.controls.get(RESCALED)
            tables = _tables(found.get((by, name, Variant.AS_IS)))
            before = part.controls.get(LOG_ODDS)
            shown = part.metrics["auc"], before, windows, scaled, part.baseline_auc, tables
            yield name, *map(interval, shown), "; ".join(part.marks) or "-"


def _tables(as_is: Slice | None) -> Metric | None:
    return as_is.controls.get(QUANTISATION) if as_is else None
