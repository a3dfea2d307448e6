from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from assay.metrics import (
    METRICS,
    Bootstrap,
    Metric,
    Weighted,
    differences,
    interval,
    mean,
    measure,
)

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
    # One group says nothing about others: the interval is all there is.
    assert found["brier"] == Metric(pytest.approx(0.64), 0, 1, 1)


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
    without = interval(np.array([0.7, 0.6, 0.8, 0.7]), 9, groups=9)
    assert interval(np.array([0.7, np.nan, 0.6, 0.8, np.nan, 0.7]), 9, groups=9) == without
    assert interval(np.array([np.nan, 0.5]), 9, groups=9) is None


def test_interval_covers_the_truth_with_six_groups() -> None:
    """Percentiles of the same resamples would in about 84 % of the worlds (decision 0035)."""
    found = [aucs_of_six_photographs(seed) for seed in range(120)]
    truth = np.mean([metric.value for metric in found])
    assert 0.88 <= np.mean([m.low <= truth <= m.high for m in found]) <= 0.99


def aucs_of_six_photographs(seed: int) -> Metric:
    scores, _, positive, groups = two_equal_models(seed)
    found = measure(scores, positive, groups, 0.0, Bootstrap(200), ["auc"])["auc"]
    assert found is not None
    return found


def change(
    first: np.ndarray, second: np.ndarray, positive: np.ndarray, groups: np.ndarray, name: str
) -> Metric:
    thresholds = (THRESHOLD, THRESHOLD)
    found = differences(first, second, positive, groups, thresholds, Bootstrap(100), [name])[name]
    assert found is not None
    return found.change


def test_difference_is_paired() -> None:
    scores, positive = images(200)
    shifted = np.clip(scores + 0.001 * positive, 0, 2)
    groups = np.arange(200)
    assert change(scores, scores, positive, groups, "auc") == Metric(0, 0, 0, 200)
    alone = measure(scores, positive, groups, THRESHOLD, Bootstrap(100))["auc"]
    assert width(change(scores, shifted, positive, groups, "auc")) < 0.2 * width(alone)


@pytest.mark.parametrize("name", METRICS)
def test_difference_is_that_of_the_two_measurements(name: str) -> None:
    (first, positive), (second, _) = images(120), images(120, seed=1)
    groups, thresholds = np.arange(120) // 10, (0.3, 0.6)
    found = differences(first, second, positive, groups, thresholds, POINT)[name]
    alone = [
        measure(scores, positive, groups, threshold, POINT)[name]
        for scores, threshold in zip((first, second), thresholds, strict=True)
    ]
    assert [found.first, found.second] == [metric.value for metric in alone]  # type: ignore[union-attr]
    assert found.change.value == found.second - found.first  # type: ignore[union-attr]


@pytest.mark.parametrize("name", METRICS)
def test_difference_turns_round_with_its_models(name: str) -> None:
    (first, positive), (second, _) = images(120), images(120, seed=1)
    groups = np.arange(120) // 20
    there, back = (
        change(*pair, positive, groups, name) for pair in ((first, second), (second, first))
    )
    assert [back.value, back.low, back.high] == pytest.approx(
        [-there.value, -there.high, -there.low]
    )


def test_interval_is_that_of_student_for_a_mean() -> None:
    from scipy import stats

    values = np.random.default_rng(0).normal(0.1, 0.2, 6)
    found = mean(values, np.arange(6), Bootstrap(20_000))
    low, high = stats.t.interval(0.95, 5, values.mean(), stats.sem(values))
    assert found is not None
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.005)


def test_interval_of_a_difference_counts_the_groups_of_the_rarer_class() -> None:
    (first, _), (second, _) = images(200), images(200, seed=1)
    groups = np.arange(200) // 10
    few = change(first, second, groups < 3, groups, "brier")
    many = change(first, second, groups % 2 == 0, groups, "brier")
    assert width(few) > 1.5 * width(many)


def test_one_group_says_nothing_about_a_difference() -> None:
    (first, positive), (second, _) = images(60), images(60, seed=1)
    found = change(first, second, positive, np.zeros(60), "auc")
    assert (found.low, found.high) == (-1, 1)


def test_equal_models_on_six_groups_differ_significantly_about_once_in_twenty() -> None:
    """Percentiles of the same resamples would have it three times as often (decision 0035)."""
    false = [excludes_zero(*two_equal_models(seed)) for seed in range(150)]
    assert 0.01 <= np.mean(false) <= 0.09


def two_equal_models(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores of equal quality, each better on some of six photographs than the other."""
    rng = np.random.default_rng(seed)
    groups, positive = np.repeat(np.arange(6), 60), np.arange(360) % 2 == 0
    shared = 0.4 * positive + rng.normal(0, 0.35, 6)[groups] * positive + rng.normal(0, 0.8, 360)
    first, second = (
        shared + rng.normal(0, 0.3, 6)[groups] * positive + rng.normal(0, 0.5, 360)
        for _ in range(2)
    )
    return first, second, positive, groups


def excludes_zero(*models: np.ndarray) -> bool:
    found = change(*models, "auc")
    return found.low > 0 or found.high < 0


def test_bootstrap_chunks_do_not_change_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(Bootstrap(20).weights(np.arange(10))))
    monkeypatch.setattr("assay.metrics._CELLS_AT_ONCE", 30)
    chunks = list(Bootstrap(20).weights(np.arange(10)))
    assert max(map(len, chunks)) == 3
    np.testing.assert_array_equal(np.concatenate(chunks), whole)
    assert (whole.sum(axis=1) == 10).all()
