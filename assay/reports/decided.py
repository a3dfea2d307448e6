"""What a model decides without a person: risk over coverage, and whether its promise held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.evaluation import Evaluation
from assay.metrics import Bootstrap
from assay.predictions import positive, score
from assay.records import Label
from assay.reports import curves, figures, pictures
from assay.reports import interval as words
from assay.review import check

if TYPE_CHECKING:
    import pandas as pd

_SIDES = {"clear": "called authentic", "flagged": "called not authentic"}


def risk_coverage(
    rows: pd.DataFrame, evaluation: Evaluation, bootstrap: Bootstrap
) -> tuple[str, str]:
    """The curve as a data URI, with the band's place on it, and its numbers in words."""
    edited, groups = positive(rows["label"]), rows["group"].to_numpy(str)
    threshold = evaluation.threshold
    *curve, area = curves.risk_coverage(score(rows), edited, groups, threshold, bootstrap)
    decided = ~rows["needs_review"].to_numpy(bool)
    wrong = (rows["predicted"] != Label.AUTHENTIC.value).to_numpy(bool) != edited
    point, said = None, "no image is decided"
    if decided.any():
        point = float(decided.mean()), float(wrong[decided].mean())
        said = (
            f"outside the band {point[0]:.0%} of images are decided, {point[1]:.1%} of them wrong"
        )
    bound = None if evaluation.promise is None else evaluation.promise.bound
    drawn = figures.risk_coverage((curve[0], curve[1], curve[2]), bound, point)
    return pictures.svg(drawn), f"mean error over all coverages (AURC) {words(area)}; {said}"


def checks(rows: pd.DataFrame, evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    """A row a side of the band: promised and observed error, votes, photographs, images, outcome.

    None where nothing was promised.
    """
    promise, band = evaluation.promise, evaluation.review
    if promise is None or band is None or rows.empty:
        return
    groups = rows["group"].to_numpy(str)
    for found in check(score(rows), positive(rows["label"]), groups, band, promise.bound):
        error = f"{found.error:.1%} ({found.low:.1%}-{found.high:.1%})" if found.groups else "none"
        counts = f"{found.errors:,}", f"{found.groups:,}", f"{found.images:,}"
        yield _SIDES[found.side], f"{promise.bound:.0%}", error, *counts, found.outcome
