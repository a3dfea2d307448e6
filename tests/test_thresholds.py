from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from assay.thresholds import MIN_GROUPS, best_threshold, by_stratum


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


def two_strata(n: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """``n`` images of each class in a stratum whose scores are .3 higher, and 400 in another."""
    rng = np.random.default_rng(seed)
    strata = np.repeat(["noisy", "clean"], [2 * n, 800])
    positive = np.arange(2 * n + 800) % 2 == 0
    scores = rng.normal(0.4, 0.05, len(strata)) + 0.15 * positive + 0.3 * (strata == "noisy")
    return scores, positive, np.ones(len(strata)), np.arange(len(strata)), strata


def test_stratum_with_enough_images_moves_towards_its_own_best() -> None:
    scores, positive, weights, groups, strata = two_strata(400)
    found = by_stratum(scores, positive, weights, groups, strata)
    own = strata == "noisy"
    everybody = best_threshold(scores, positive, weights)
    assert everybody < found["noisy"]
    assert found["noisy"] == pytest.approx(
        best_threshold(scores[own], positive[own], weights[own]), abs=0.03
    )


def test_stratum_of_few_images_keeps_the_threshold_of_all() -> None:
    assert set(by_stratum(*two_strata(MIN_GROUPS - 1))) == {"clean"}
    *data, groups, strata = two_strata(400)
    assert by_stratum(*data, groups % 7, strata) == {}  # many crops of seven photographs


def test_shrinkage_gives_a_small_stratum_less_of_its_own() -> None:
    apart = {}
    for n in (MIN_GROUPS, 2000):
        scores, positive, weights, groups, strata = two_strata(n)
        everybody = best_threshold(scores, positive, weights)
        apart[n] = by_stratum(scores, positive, weights, groups, strata)["noisy"] - everybody
    assert apart[MIN_GROUPS] < 0.15
