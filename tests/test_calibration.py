from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from sklearn.metrics import balanced_accuracy_score

from assay.calibration import TARGET_ERROR, Calibration, best_threshold, calibrate
from assay.errors import CheckpointMismatch
from assay.records import Label

LABELS = np.array(list(Label))
FITTED = Calibration(temperature=1.5, threshold=0.4, review_low=0.3, review_high=0.6)


def validation(n: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth, times ``sharpness``, and labels drawn from it."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, (n, 3))
    labels = [rng.choice(LABELS, p=row) for row in softmax(truth, axis=1)]
    return truth * sharpness, np.array(labels)


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_temperature_undoes_over_and_underconfidence(sharpness: float) -> None:
    logits, labels = validation(3000, sharpness)
    assert calibrate(logits, labels, np.arange(3000)).temperature == pytest.approx(
        sharpness, rel=0.15
    )


def test_temperature_minimises_the_negative_log_likelihood() -> None:
    logits, labels = validation(300, 2.5)
    rows, columns = np.arange(300), np.searchsorted(LABELS, labels)

    def loss(temperature: float) -> float:
        return -log_softmax(logits / temperature, axis=1)[rows, columns].mean()

    best = calibrate(logits, labels, rows).temperature
    assert loss(best) < min(loss(best * 0.9), loss(best * 1.1))


def test_threshold_maximises_balanced_accuracy() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.2
    scores = rng.random(200).round(2) * 0.6 + 0.3 * positive
    found = best_threshold(scores, positive, np.ones(200))
    accuracy = [balanced_accuracy_score(positive, scores >= t) for t in np.unique(scores)]
    assert balanced_accuracy_score(positive, scores >= found) == pytest.approx(max(accuracy))
    assert not np.isin(found, scores)


def test_threshold_of_equal_scores_is_one_half() -> None:
    assert best_threshold(np.full(4, 0.2), np.array([0, 1, 0, 1], bool), np.ones(4)) == 0.5


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


@pytest.mark.parametrize("seed", range(5))
def test_review_band_keeps_errors_outside_at_the_target(seed: int) -> None:
    logits, labels = validation(500, 1.0, seed)
    fitted = calibrate(logits, labels, np.arange(500))
    scores = 1 - fitted.probabilities(logits)[:, 0]
    decided = np.array([not fitted.needs_review(score) for score in scores])
    wrong = (scores >= fitted.threshold) != (labels != Label.AUTHENTIC)
    assert fitted.review_low <= fitted.threshold <= fitted.review_high
    assert wrong[decided].mean() <= TARGET_ERROR < wrong.mean()


def test_review_band_is_empty_for_a_model_that_does_not_err() -> None:
    labels = np.repeat(LABELS, 20)
    fitted = calibrate(np.repeat(np.eye(3) * 5, 20, axis=0), labels, np.arange(60))
    scores = 1 - fitted.probabilities(np.eye(3) * 5)[:, 0]
    assert not any(map(fitted.needs_review, scores))


def test_review_band_is_everything_for_a_model_that_guesses() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(LABELS, 400)
    fitted = calibrate(np.zeros((400, 3)), labels, np.arange(400))
    assert fitted.needs_review(2 / 3)


def test_calibrate_refuses_a_split_of_one_class() -> None:
    with pytest.raises(ValueError, match="authentic and other"):
        calibrate(np.zeros((3, 3)), np.array([Label.AUTHENTIC] * 3), np.arange(3))


def test_calibration_survives_storage(tmp_path: Path) -> None:
    FITTED.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == FITTED


@pytest.mark.parametrize("text", ["", "[]", '{"temperature": 1}', '{"temperature": "warm"}'])
def test_load_refuses_other_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(CheckpointMismatch, match="train again"):
        Calibration.load(tmp_path / "calibration.json")


def test_load_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match="train again"):
        Calibration.load(tmp_path / "absent.json")
