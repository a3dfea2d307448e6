"""Leave-one-dataset-out in a table: what each fold promised, and whether that held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.evaluation import Evaluation, Fold
from assay.images import Variant
from assay.reports import interval
from assay.review import Check

_COLUMNS = (
    "left out",
    "AUC, bias controlled",
    "threshold",
    "handed to people from",
    "promised at most",
    "called authentic: wrong",
    "called altered: wrong",
    "images",
)


def table(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns, and a row for each fold; no row where nothing was left out."""
    return _COLUMNS, list(_rows(evaluation))


def _rows(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    aucs = {
        part.name: part.metrics["auc"]
        for part in evaluation.slices
        if part.by == "dataset" and part.variant is Variant.BIAS_CONTROLLED
    }
    for fold in evaluation.folds:
        bound = f"{fold.promise.bound:.0%}" if fold.promise else "-"
        sides = (_outcome(fold.checks, side) for side in ("clear", "flagged"))
        auc = interval(aucs.get(fold.name))
        promised = f"{fold.threshold:.3f}", _band(fold), bound
        yield fold.name, auc, *promised, *sides, f"{fold.images:,}"


def _band(fold: Fold) -> str:
    low, high = fold.review
    return "everything" if low <= 0 and high >= 1 else f"{low:.3f} to {high:.3f}"


def _outcome(checks: Sequence[Check], side: str) -> str:
    """``12.5% (1.6%-38.3%), 2 of 16 photographs: missed``; a dash where nothing was promised."""
    found = next((check for check in checks if check.side == side), None)
    if found is None:
        return "-"
    if not found.groups:
        return "none decided"
    error = f"{found.error:.1%} ({found.low:.1%}-{found.high:.1%})"
    return f"{error}, {found.errors} of {found.groups} photographs: {found.outcome}"
