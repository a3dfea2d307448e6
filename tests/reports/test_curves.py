"""The numbers behind the figures of an evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from assay.comparison import paired
from assay.metrics import Bootstrap
from assay.reports import curves
from tests.predictions import predictions, rising_scores

BOOTSTRAP = Bootstrap(40)


def test_roc_curve_has_the_area_that_is_reported():
    scores, positive, groups = rising_scores()
    curve, low, high = curves.roc_band(scores, positive, groups, BOOTSTRAP)
    assert np.trapezoid(curve, np.linspace(0, 1, 101)) == pytest.approx(
        roc_auc_score(positive, scores), abs=0.01
    )
    assert ((low <= curve) & (curve <= high)).mean() > 0.9
    assert (high - low)[20:80].min() > 0


def test_roc_of_one_class_is_undefined_not_an_error():
    scores, _, groups = rising_scores()
    curve, _, _ = curves.roc_band(scores, np.ones(240, bool), groups, BOOTSTRAP)
    assert np.isnan(curve).all()


def test_reliability_bins_hold_share_count_and_mean_score():
    scores = np.array([0.01, 0.02, 0.5, 0.99, 1.0])
    positive = np.array([False, False, True, True, True])
    groups = np.arange(5)
    share, low, high, count, mean = curves.reliability_bins(scores, positive, groups, BOOTSTRAP)
    assert (count[0], count[7], count[14], count.sum()) == (2, 1, 2, 5)
    assert (share[0], share[7], share[14]) == (0, 1, 1)
    assert mean[0] == pytest.approx(0.015)
    assert np.isnan(share[1])
    assert (low[0], high[0]) == (0, 0)


def test_confusion_counts_truth_by_row():
    counts = curves.confusion_counts(["authentic", "authentic"], ["authentic", "synthesized"])
    assert counts.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_score_pairs_count_every_image_once():
    rows = paired(predictions(2.0, n=60), predictions(0.1, n=60, noise=2))
    points = curves.score_pairs(rows)
    assert points["n"].sum() == len(rows)
    assert points.groupby("label")["n"].sum().to_dict() == rows["label"].value_counts().to_dict()
    equal = curves.score_pairs(rows.assign(first=0.5, second=0.6))
    assert len(equal) == rows["label"].nunique()


def test_risk_at_full_coverage_is_the_error_and_falls_with_the_distance():
    scores, positive, groups = rising_scores()
    risk, low, high, area = curves.risk_coverage(scores, positive, groups, 0.5, BOOTSTRAP)
    assert risk[-1] == pytest.approx(((scores >= 0.5) != positive).mean())
    assert risk[19] < risk[59] < risk[-1]
    assert (low <= risk).all()
    assert (risk <= high).all()
    assert area is not None
    assert area.value == pytest.approx(risk.mean())
    assert area.low < area.value < area.high


def test_risk_of_equally_far_scores_does_not_hang_on_their_order():
    scores = np.repeat([0.9, 0.6], [4, 6])
    positive = np.array([1, 1, 1, 0, 1, 0, 1, 0, 1, 0], bool)
    groups = np.arange(10)
    risk, *_ = curves.risk_coverage(scores, positive, groups, 0.5, BOOTSTRAP)
    assert risk[:40] == pytest.approx(np.full(40, 0.25))
    assert risk[-1] == pytest.approx(0.4)
    turned, *_ = curves.risk_coverage(scores[::-1], positive[::-1], groups, 0.5, BOOTSTRAP)
    assert turned == pytest.approx(risk)


def test_risk_of_one_image_is_all_or_nothing():
    risk, *_ = curves.risk_coverage(
        np.array([0.9]), np.array([False]), np.arange(1), 0.5, BOOTSTRAP
    )
    assert (risk == 1).all()
