from __future__ import annotations

import pytest

from assay.evaluation import Evaluation, Fold, Slice
from assay.images import Variant
from assay.metrics import Metric
from assay.reports import folds
from assay.review import Check, Review

PROMISE = Review(0.1, 0.9, 80, 40, None, None)
AUC = Metric(0.6, 0.5, 0.7, 60)
WHOLE = Slice(Variant.BIAS_CONTROLLED, "dataset", "casia", 60, 30, 60, {"auc": AUC}, None)


def row(band: tuple[float, float], *checks: Check) -> tuple[str, ...]:
    fold = Fold("casia", 60, 60, 0.4, band, PROMISE, checks)
    return folds.table(Evaluation(0.4, (WHOLE,), folds=(fold,)))[1][0]


def test_fold_tells_band_and_whether_the_promise_held() -> None:
    flagged = Check("flagged", 20, 16, 2, 0.125, 0.016, 0.383, "missed")
    shown = row((0.0, 0.9), flagged)
    assert shown[:5] == ("casia", "0.600 (0.500-0.700)", "0.400", "0.000 to 0.900", "10%")
    assert shown[5:7] == ("-", "12.5% (1.6%-38.3%), 2 of 16 photographs: missed")


@pytest.mark.parametrize(("band", "words"), [((0.0, 1.0), "everything"), ((0.2, 1.0), "0.200 to")])
def test_fold_that_decides_nothing_says_so(band: tuple[float, float], words: str) -> None:
    nothing = Check("clear", 0, 0, 0, float("nan"), 0.0, 1.0, "too few")
    shown = row(band, nothing)
    assert shown[3].startswith(words)
    assert shown[5] == "none decided"


def test_no_fold_gives_no_row() -> None:
    assert folds.table(Evaluation(0.4, (WHOLE,)))[1] == []
