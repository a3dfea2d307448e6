from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from assay.calibration import (
    Calibration,
    calibrate,
    estimate_base_rates,
    for_base_rates,
    recalibrate,
)
from assay.errors import CheckpointMismatch
from assay.records import Label
from assay.review import ReviewSettings

LABELS = np.array(list(Label))
FITTED = Calibration(temperature=1.5, threshold=0.4, review_low=0.3, review_high=0.6)
BENT = replace(FITTED, bias=(0.0, 0.5, -1.0), knots=((0.0, 0.1), (0.5, 0.3), (1.0, 0.95)))


def validation(n: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth, times ``sharpness``, and labels drawn from it."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, (n, 3))
    labels = [rng.choice(LABELS, p=row) for row in softmax(truth, axis=1)]
    return truth * sharpness, np.array(labels)


def cloned(seed: int, far: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """300 authentic images, 200 others in 250 groups; a share of these is far out, as clones."""
    rng = np.random.default_rng(seed)
    edited = np.arange(500) >= 300
    clear = edited & (rng.random(500) < far)
    logit = np.where(clear, rng.normal(8, 1, 500), rng.normal(0.5 * edited, 1))
    logits = np.stack([np.zeros(500), logit, np.full(500, -2.0)], axis=1)
    labels = np.where(edited, Label.MANIPULATED, Label.AUTHENTIC)
    return logits, labels, rng.integers(0, 250, 500)


def loss(fitted: Calibration, logits: np.ndarray, labels: np.ndarray) -> float:
    known = fitted.probabilities(logits)[np.arange(len(labels)), np.searchsorted(LABELS, labels)]
    return float(-np.log(known).mean())


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_temperature_undoes_over_and_underconfidence(sharpness: float) -> None:
    logits, labels = validation(3000, sharpness)
    assert calibrate(logits, labels, np.arange(3000)).temperature == pytest.approx(
        sharpness, rel=0.15
    )


def test_groups_weigh_the_same_however_many_crops() -> None:
    logits, labels = validation(60, 1.0)
    repeated = np.concatenate([np.arange(60), np.zeros(500, int)])
    whole = calibrate(logits, labels, np.arange(60))
    crops = calibrate(logits[repeated], labels[repeated], repeated)
    assert crops.temperature == pytest.approx(whole.temperature, rel=1e-3)
    assert crops.threshold == pytest.approx(whole.threshold, rel=1e-3)


@given(st.lists(st.floats(-30, 30), min_size=3, max_size=3))
def test_label_follows_threshold_then_the_likelier_of_two(logits: list[float]) -> None:
    row = FITTED.probabilities([logits])[0]
    assert row.sum() == pytest.approx(1)
    label = FITTED.label(row)
    assert (label is Label.AUTHENTIC) == (1 - row[0] < FITTED.threshold)
    if label is not Label.AUTHENTIC:
        assert row[list(Label).index(label)] == max(row[1:])


@given(st.floats(-20, 20), st.floats(-20, 20), st.sampled_from([FITTED, BENT]))
def test_score_rises_with_the_evidence(first: float, second: float, fitted: Calibration) -> None:
    low, high = sorted((first, second))
    scores = 1 - fitted.probabilities([[0.0, low, low - 1], [0.0, high, high - 1]])[:, 0]
    assert scores[0] <= scores[1]
    if fitted is BENT and high - low > 0.01 and -10 < low < high < 10:
        assert scores[0] < scores[1]  # a step of the map never makes two images equal


def test_stratum_has_its_own_threshold_or_that_of_all() -> None:
    fitted = replace(FITTED, strata={"JPEG 75-89, under 512 px": 0.55})
    assert fitted.threshold_for("JPEG 75-89, under 512 px") == 0.55
    assert fitted.threshold_for("unheard of") == 0.4
    row = (0.5, 0.3, 0.2)
    assert fitted.label(row) is Label.MANIPULATED
    assert fitted.label(row, "JPEG 75-89, under 512 px") is Label.AUTHENTIC


def test_strata_stay_inside_the_band_so_that_its_promise_is_theirs() -> None:
    logits, labels, groups = cloned(0)
    kinds = np.where(np.arange(500) % 2, "odd", "even")
    fitted = calibrate(logits, labels, np.arange(500), kinds)
    assert set(fitted.strata) == {"odd", "even"}
    for value in fitted.strata.values():
        assert fitted.review_low <= value <= fitted.review_high
    assert calibrate(logits, labels, groups, kinds[:1].repeat(500)).strata.keys() == {"even"}
    assert calibrate(logits[290:310], labels[290:310], np.arange(20), kinds[:20]).strata == {}


def test_clones_are_flagged_where_nothing_can_be_cleared() -> None:
    logits, labels, groups = cloned(0)
    fitted = calibrate(logits, labels, groups)
    scores = 1 - fitted.probabilities(logits)[:, 0]
    decided = np.array([not fitted.needs_review(score) for score in scores])
    assert fitted.review is not None
    assert (fitted.review_low, fitted.review.clear) == (0.0, None)
    assert decided.sum() == fitted.review.flagged.images >= 22  # type: ignore[union-attr]
    assert (labels[decided] == Label.MANIPULATED).all()
    assert "90% confidence" in fitted.review.statement


def test_bound_holds_at_the_stated_confidence_whatever_was_fitted_before_it() -> None:
    """The whole of `calibrate`, 30 worlds: the true error of what is decided, on fresh images."""
    fresh, truth, _ = cloned(10_001)
    for seed in range(10_002, 10_012):
        more, labels, _ = cloned(seed)
        fresh, truth = np.concatenate([fresh, more]), np.concatenate([truth, labels])
    broken = decided = 0
    for seed in range(30):
        fitted = calibrate(*cloned(seed))
        flagged = 1 - fitted.probabilities(fresh)[:, 0] > fitted.review_high
        decided += bool(flagged.any())
        broken += bool(flagged.any() and (truth[flagged] == Label.AUTHENTIC).mean() > 0.1)
    assert decided > 25
    assert broken <= 0.1 * 30 + 3  # two deviations above what may be


def test_review_band_is_empty_for_a_model_that_does_not_err() -> None:
    labels = np.repeat(LABELS, 30)
    fitted = calibrate(np.repeat(np.eye(3) * 5, 30, axis=0), labels, np.arange(90))
    scores = 1 - fitted.probabilities(np.eye(3) * 5)[:, 0]
    assert not any(map(fitted.needs_review, scores))


def test_review_band_is_everything_for_a_model_that_guesses() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(LABELS, 400)
    fitted = calibrate(np.zeros((400, 3)), labels, np.arange(400))
    assert all(map(fitted.needs_review, (0.0, 2 / 3, 1.0)))
    assert "everything is handed to people" in fitted.review.statement  # type: ignore[union-attr]


def test_calibrate_refuses_a_split_of_one_class() -> None:
    with pytest.raises(ValueError, match="authentic and other"):
        calibrate(np.zeros((3, 3)), np.array([Label.AUTHENTIC] * 3), np.arange(3))


def test_recalibration_helps_on_a_shifted_platform_and_does_not_hurt_elsewhere() -> None:
    logits, labels = validation(3000, 1.0)
    old = calibrate(logits, labels, np.arange(3000))
    gains = {"shifted": [], "same": []}
    for seed in range(1, 13):
        truth, labels = validation(1100, 1.0, seed)
        for name, seen in (("shifted", truth * 2.5 + [1.5, 0, 0]), ("same", truth)):
            new = recalibrate(old, seen[:100], labels[:100], np.arange(100))
            rest = seen[100:], labels[100:]
            gains[name].append(loss(old, *rest) - loss(new, *rest))
    assert min(gains["shifted"]) > 0.2
    assert np.mean(gains["same"]) > -0.02
    assert min(gains["same"]) > -0.06


def test_recalibration_measures_the_band_on_the_new_labels_alone() -> None:
    old = calibrate(*cloned(0))
    logits, labels, _ = cloned(1, far=1.0)
    picked = np.arange(200, 400)
    new = recalibrate(
        replace(old, strata={"a": 0.4}), logits[picked], labels[picked], picked, ReviewSettings()
    )
    assert new.review is not None
    assert new.review.groups == 200
    assert new.review.flagged is not None
    assert new.review.clear is not None  # these are told apart, unlike those of the old platform
    assert new.strata == {}


def test_base_rates_are_found_without_labels_and_taken_up() -> None:
    logits, labels = validation(4000, 1.0)
    fitted = calibrate(logits, labels, np.arange(4000))
    assert fitted.base_rates == pytest.approx((1 / 3,) * 3, abs=0.05)
    kept = (labels == Label.AUTHENTIC) | (np.arange(4000) % 5 == 0)
    there, truth = logits[kept], labels[kept]
    found = estimate_base_rates(fitted.probabilities(there), fitted.base_rates)  # type: ignore[arg-type]
    assert found[0] == pytest.approx((truth == Label.AUTHENTIC).mean(), abs=0.03)
    moved = for_base_rates(fitted, found)
    assert loss(moved, there, truth) < loss(fitted, there, truth) - 0.1
    assert (moved.review_low, moved.review_high, moved.review) == (0.0, 1.0, None)
    before = 1 - fitted.probabilities(there)[:, 0] >= fitted.threshold
    after = 1 - moved.probabilities(there)[:, 0] >= moved.threshold
    assert (before == after).mean() > 0.98


def test_base_rates_of_old_have_to_be_known() -> None:
    with pytest.raises(ValueError, match="base rates"):
        for_base_rates(FITTED, (0.8, 0.1, 0.1))


@pytest.mark.parametrize("fitted", [FITTED, BENT, calibrate(*cloned(0))])
def test_calibration_survives_storage(fitted: Calibration, tmp_path: Path) -> None:
    fitted.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == fitted


@pytest.mark.parametrize("change", [{"temperature": 0.0}, {"review_low": 0.9, "review_high": 0.1}])
def test_a_damaged_calibration_is_refused(change: dict[str, float], tmp_path: Path) -> None:
    replace(FITTED, **change).save(tmp_path / "calibration.json")
    with pytest.raises(CheckpointMismatch, match="out of range"):
        Calibration.load(tmp_path / "calibration.json")


OLD = {"temperature": 1.0, "threshold": 0.5, "review_low": 0.4, "review_high": 0.6}


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"temperature": 1}', json.dumps(OLD), json.dumps({"format": 2, "threshold": "x"})],
)
def test_load_refuses_other_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(CheckpointMismatch, match="train again"):
        Calibration.load(tmp_path / "calibration.json")


def test_load_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match="train again"):
        Calibration.load(tmp_path / "absent.json")
