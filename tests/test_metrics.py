from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from assay.metrics import METRICS, Bootstrap, Metric, Weighted, auc_difference, interval, measure

THRESHOLD = 0.45
POINT = Bootstrap(resamples=1)


def images(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Informative scores with many ties, and the truth."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    scores = np.clip(rng.normal(0.4 + 0.2 * positive, 0.2), 0, 1).round(2)
    return scores, positive


def tpr(positive: np.ndarray, scores: np.ndarray, weight: np.ndarray, limit: float) -> float:
    false, true, _ = sk.roc_curve(positive, scores, sample_weight=weight, drop_intermediate=False)
    return float(true[false <= limit].max())


def ece(positive: np.ndarray, scores: np.ndarray, weight: np.ndarray) -> float:
    bins = np.minimum((scores * 15).astype(int), 14)
    gaps = [abs(np.sum((weight * (scores - positive))[bins == b])) for b in range(15)]
    return float(sum(gaps) / weight.sum())


REFERENCES = {
    "auc": lambda y, s, w: sk.roc_auc_score(y, s, sample_weight=w),
    "average_precision": lambda y, s, w: sk.average_precision_score(y, s, sample_weight=w),
    "balanced_accuracy": lambda y, s, w: sk.balanced_accuracy_score(
        y, s >= THRESHOLD, sample_weight=w
    ),
    "f1": lambda y, s, w: sk.f1_score(y, s >= THRESHOLD, sample_weight=w),
    "tpr_at_1_fpr": lambda y, s, w: tpr(y, s, w, 0.01),
    "tpr_at_5_fpr": lambda y, s, w: tpr(y, s, w, 0.05),
    "brier": lambda y, s, w: sk.brier_score_loss(y, s, sample_weight=w),
    "ece": ece,
}


@pytest.mark.parametrize("name", METRICS)
@given(st.integers(0, 10_000), st.integers(20, 300))
def test_metric_agrees_with_reference(name: str, seed: int, n: int) -> None:
    scores, positive = images(n, seed)
    positive[:2] = [True, False]
    weights = np.random.default_rng(seed).integers(1, 4, (3, n)).astype(float)
    order = np.argsort(scores)
    data = Weighted(scores[order], positive[order], weights[:, order], THRESHOLD)
    expected = [REFERENCES[name](positive, scores, row) for row in weights]
    np.testing.assert_allclose(METRICS[name](data), expected, atol=1e-9)


def test_measure_gives_none_where_a_class_is_missing() -> None:
    scores, _ = images(30)
    found = measure(scores, np.zeros(30, bool), np.arange(30), THRESHOLD, POINT)
    defined = {name for name, metric in found.items() if metric is not None}
    assert defined == {"brier", "ece"}


@pytest.mark.filterwarnings("error")
def test_measure_of_one_image_has_no_nan() -> None:
    found = measure(np.array([0.2]), np.array([True]), np.array(["a"]), THRESHOLD, Bootstrap(20))
    assert found["auc"] is None
    assert found["brier"] == Metric(
        pytest.approx(0.64), pytest.approx(0.64), pytest.approx(0.64), 1
    )


def test_measure_does_not_depend_on_order() -> None:
    scores, positive = images(80)
    groups, mixed = np.arange(80) // 4, np.random.default_rng(0).permutation(80)
    first = measure(scores, positive, groups, THRESHOLD, Bootstrap(50))
    second = measure(scores[mixed], positive[mixed], groups[mixed], THRESHOLD, Bootstrap(50))
    for name in METRICS:
        assert first[name].low == pytest.approx(second[name].low)  # type: ignore[union-attr]


def test_interval_of_repeated_images_stays_as_wide_as_their_groups() -> None:
    scores, positive = images(60)
    once = measure(scores, positive, np.arange(60), THRESHOLD, Bootstrap(400))["auc"]
    again = [np.tile(array, 10) for array in (scores, positive, np.arange(60))]
    grouped = measure(*again, THRESHOLD, Bootstrap(400))["auc"]  # type: ignore[misc]
    alone = measure(*again[:2], np.arange(600), THRESHOLD, Bootstrap(400))["auc"]
    assert width(grouped) == pytest.approx(width(once), rel=1e-6)
    assert width(alone) < 0.5 * width(once)


def width(metric: Metric | None) -> float:
    assert metric is not None
    assert metric.low <= metric.value <= metric.high
    return metric.high - metric.low


def test_interval_covers_the_truth() -> None:
    truth = sk.roc_auc_score(*images(100_000)[::-1])
    found = [
        measure(*images(150, seed), np.arange(150), THRESHOLD, Bootstrap(200), ["auc"])["auc"]
        for seed in range(60)
    ]
    covered = [m.low <= truth <= m.high for m in found if m is not None]
    assert 0.85 <= np.mean(covered) <= 1


def test_interval_leaves_out_resamples_without_a_class() -> None:
    assert interval(np.array([0.7, np.nan, 0.5, 0.9]), 4) == Metric(0.7, 0.51, 0.89, 4)
    assert interval(np.array([np.nan, 0.5]), 4) is None


def test_auc_difference_is_paired() -> None:
    scores, positive = images(200)
    shifted = np.clip(scores + 0.001 * positive, 0, 2)
    groups = np.arange(200)
    same = auc_difference(scores, scores, positive, groups, Bootstrap(100))
    assert same == Metric(0, 0, 0, 200)
    better = auc_difference(shifted, scores, positive, groups, Bootstrap(100))
    assert width(better) < 0.2 * width(
        measure(scores, positive, groups, THRESHOLD, Bootstrap(100))["auc"]
    )


def test_bootstrap_chunks_do_not_change_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(Bootstrap(20).weights(np.arange(10))))
    monkeypatch.setattr("assay.metrics._CELLS_AT_ONCE", 30)
    chunks = list(Bootstrap(20).weights(np.arange(10)))
    assert max(map(len, chunks)) == 3
    np.testing.assert_array_equal(np.concatenate(chunks), whole)
    assert (whole.sum(axis=1) == 10).all()
