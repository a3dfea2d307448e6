"""The bound that the review band states holds, and what cannot be shown is not stated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from assay.review import (
    ReviewSettings,
    check,
    draw_band,
    ranks_tried,
)
from assay.votes import lower_limit, upper_limit

SETTINGS = ReviewSettings()


def world(
    seed: int, n: int = 400, risk: float = 0.0, digits: int = 12
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores in 0..1 whose extremes are right but for ``risk``, and coin flips in the middle."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n).round(digits)
    chance = np.clip(1.8 * scores - 0.4, risk, 1 - risk)
    return scores, rng.random(n) < chance, np.arange(n)


def decided(scores: np.ndarray, low: float, high: float) -> np.ndarray:
    return (scores < low) | (scores > high)


@pytest.mark.parametrize("digits", [12, 1])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_bound_holds_as_often_as_stated(confidence: float, digits: int) -> None:
    """300 worlds, for each side; the true error is known. With one digit all scores are ties."""
    settings = ReviewSettings(confidence=confidence)
    scores, positive, _ = world(10_000, 200_000, 0.07, digits)
    broken, found = np.zeros(2), np.zeros(2)
    for seed in range(300):
        low, high, review = draw_band(*world(seed, risk=0.07, digits=digits), 0.5, settings)
        sides = (scores < low, positive), (scores > high, ~positive)
        found += [review.clear is not None, review.flagged is not None]
        broken += [bool(of.any()) and wrong[of].mean() > settings.bound for of, wrong in sides]
    assert (found > 20).all()  # a risk of 7 % is hard to tell from one of 10 %
    assert (broken / 300 <= 1 - confidence + 0.02).all()


def test_bound_is_not_claimed_for_an_error_that_lies_above_it() -> None:
    """Every score errs by 13 %: any band is a broken promise, and these have to be rare."""
    claims = sum(
        review.coverage > 0
        for seed in range(400)
        for review in [draw_band(*world(seed, 200, 0.13), 0.5, SETTINGS)[2]]
    )
    assert claims / 400 < 2 * (1 - SETTINGS.confidence)


def test_crops_of_one_photograph_are_one_vote() -> None:
    scores, positive, _ = world(0)
    sure = scores > 0.9
    one = np.where(sure, 10_000, np.arange(400))
    *_, alone = draw_band(scores, positive | sure, np.arange(400), 0.5, SETTINGS)
    *_, together = draw_band(scores, positive | sure, one, 0.5, SETTINGS)
    assert alone.flagged is not None
    assert together.flagged is None or together.flagged.groups < alone.flagged.groups
    crops = [np.tile(values, 50) for values in world(3, 20)]
    assert draw_band(*crops, 0.5, SETTINGS)[2].coverage == 0


def test_one_side_may_exist_alone() -> None:
    scores = np.concatenate([np.full(40, 0.99), np.linspace(0, 0.9, 300)])
    positive = np.concatenate([np.ones(40, bool), np.arange(300) % 2 == 0])
    low, high, review = draw_band(scores, positive, np.arange(340), 0.5, SETTINGS)
    assert (low, review.clear) == (0.0, None)
    assert 0.9 < high < 0.99
    assert (review.flagged.images, review.flagged.errors) == (40, 0)  # type: ignore[union-attr]
    assert "only ever calls images not authentic" in review.statement
    mirrored = draw_band(1 - scores, ~positive, np.arange(340), 0.5, SETTINGS)
    assert mirrored[1] == 1.0
    assert mirrored[0] == pytest.approx(1 - high)
    assert mirrored[2].clear == review.flagged


def test_equal_scores_are_decided_alike() -> None:
    scores = np.repeat([0.1, 0.5, 0.97], [60, 100, 60])
    positive = np.repeat([False, True], [110, 110])
    low, high, review = draw_band(scores, positive, np.arange(220), 0.5, SETTINGS)
    assert [bool(d) for d in decided(np.array([0.1, 0.5, 0.97]), low, high)] == [True, False, True]
    assert review.coverage == pytest.approx(120 / 220)


def test_scores_at_the_very_end_can_be_decided() -> None:
    scores = np.repeat([0.0, np.nextafter(1, 0), 1.0], 60)
    positive = np.repeat([False, False, True], 60)
    low, high, _ = draw_band(scores, positive, np.arange(180), 0.5, SETTINGS)
    assert decided(np.array([0.0, np.nextafter(1, 0), 1.0]), low, high).tolist() == [
        True,
        False,
        True,
    ]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 60)), max_size=150),
    st.floats(0.05, 0.95),
)
def test_band_holds_the_threshold_and_keeps_to_its_own_numbers(
    rows: list[tuple[int, bool, int]], threshold: float
) -> None:
    scores = np.array([row[0] / 20 for row in rows])
    positive = np.array([row[1] for row in rows], bool)
    groups = np.array([row[2] for row in rows], int)
    low, high, review = draw_band(scores, positive, groups, threshold, SETTINGS)
    assert 0 <= low <= threshold <= high <= 1
    sides = (review.clear, scores < low), (review.flagged, scores > high)
    for side, of in sides:
        assert of.sum() == (side.images if side else 0)
        assert side is None or side.limit <= SETTINGS.bound


def test_a_stricter_bound_decides_no_more() -> None:
    for seed in range(10):
        shares = [
            draw_band(*world(seed), 0.5, ReviewSettings(bound=bound, confidence=confidence))[2]
            for bound, confidence in ((0.2, 0.9), (0.1, 0.9), (0.1, 0.99), (0.02, 0.99))
        ]
        coverage = [review.coverage for review in shares]
        assert coverage == sorted(coverage, reverse=True)


def test_ranks_begin_where_a_flawless_record_suffices() -> None:
    ranks = ranks_tried(60, SETTINGS)
    assert ranks == [22, 38, 52, 60]
    assert upper_limit(0, 22, 0.9) <= 0.1 < upper_limit(0, 21, 0.9)
    assert upper_limit(1, 38, 0.9) <= 0.1 < upper_limit(1, 37, 0.9)
    assert ranks_tried(21, SETTINGS) == []


@pytest.mark.parametrize(("errors", "n"), [(0, 30), (3, 40), (40, 40)])
def test_limits_are_those_of_clopper_and_pearson(errors: int, n: int) -> None:
    known = binomtest(errors, n).proportion_ci(0.95, method="exact")
    assert lower_limit(errors, n, 0.975) == pytest.approx(known.low)
    assert upper_limit(errors, n, 0.975) == pytest.approx(known.high)


def test_check_says_whether_the_bound_held() -> None:
    scores = np.repeat([0.1, 0.5, 0.9], [40, 20, 40])
    positive = np.repeat([False, True], [58, 42])
    clear, flagged = check(scores, positive, np.arange(100), (0.3, 0.7), 0.1)
    assert (clear.groups, clear.errors, clear.outcome) == (40, 0, "held")
    assert (flagged.groups, flagged.errors, flagged.outcome) == (40, 0, "held")
    _, missed = check(scores, np.arange(100) < 70, np.arange(100), (0.3, 0.7), 0.1)
    assert (missed.errors, missed.error, missed.outcome) == (30, 0.75, "missed")
    assert missed.low < 0.75 < missed.high
    (few,) = check(scores[-5:], positive[-5:], np.arange(5), (0.0, 0.7), 0.1)
    assert (few.side, few.outcome) == ("flagged", "too few")


def test_check_of_nothing_decided_is_no_error() -> None:
    (nothing,) = check(np.full(3, 0.5), np.ones(3, bool), np.arange(3), (0.0, 0.7), 0.1)
    assert (nothing.groups, nothing.outcome) == (0, "too few")
    assert np.isnan(nothing.error)


def crops(seed: int, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One to six crops of a photograph with like scores; most photographs err always or never."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rng.integers(1, 7, groups))
    risk = rng.beta(0.07, 0.93, groups)[group]
    near = rng.random(groups)[group] + rng.normal(0, 0.05, len(group))
    wrong = rng.random(len(group)) < risk
    return near.clip(0, 1), (near > 0.5) ^ wrong, group


def test_bound_holds_for_photographs_cut_into_crops_that_err_together() -> None:
    scores, positive, group = crops(10_000, 20_000)
    broken = found = 0
    for seed in range(150):
        _, high, review = draw_band(*crops(seed, 400), 0.5, SETTINGS)
        found += review.flagged is not None
        (fresh,) = check(scores, positive, group, (0.0, min(high, 0.9999)), SETTINGS.bound)
        broken += review.flagged is not None and fresh.error > SETTINGS.bound
    assert found > 10
    assert broken / 150 <= 0.1
