"""Intervals of weighted counts hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from assay.backtest import intervals


def test_equal_weights_give_the_exact_interval_of_a_poisson_count():
    found = intervals.total(np.ones(5), 1.0)
    assert (found.value, found.n) == (5.0, 5)
    assert (found.low, found.high) == pytest.approx((1.6235, 11.6683), abs=1e-4)  # Garwood 1936


def test_nothing_found_is_not_nothing_for_certain():
    assert intervals.total(np.zeros(100), 50.0).high == pytest.approx(50 * 3.6889, rel=1e-4)


def test_total_in_another_unit_has_its_interval_in_that_unit():
    weeks = intervals.scaled(intervals.total(np.full(4, 7.0), 7.0), 1 / 7)
    days = intervals.total(np.ones(4), 1.0)
    assert (weeks.value, weeks.low, weeks.high) == pytest.approx((days.value, days.low, days.high))


def test_change_is_as_unsure_one_way_as_the_other():
    found = intervals.change(np.array([1.0, 1, 1, -2]), 2.0)
    back = intervals.change(np.array([-1.0, -1, -1, 2]), 2.0)
    assert (found.value, found.low, found.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )


@pytest.mark.parametrize("audit_share", [0.05, 0.3])
def test_intervals_of_sampled_counts_cover_what_they_estimate(audit_share: float):
    rng = np.random.default_rng(4)
    covered = {"total": 0, "change": 0}
    for _ in range(400):
        inside, outside = rng.poisson(20), rng.binomial(rng.poisson(60), audit_share)
        weights = np.r_[np.ones(inside), np.full(outside, 1 / audit_share)]
        total = intervals.total(weights, 1 / audit_share)
        change = intervals.change(weights * np.sign(2 - weights), 1 / audit_share)
        covered["total"] += total.low <= 80 <= total.high
        covered["change"] += change.low <= 20 - 60 <= change.high
    assert min(covered.values()) >= 0.95 * 400


def test_mean_of_seconds_has_students_interval():
    found = intervals.mean(np.array([10.0, 20, 30]))
    assert (found.value, found.n) == (20.0, 3)
    assert found.high - found.value == pytest.approx(4.3027 * 10 / np.sqrt(3), rel=1e-4)
