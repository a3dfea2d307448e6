"""Differences of figures, recovered from their intervals."""

from __future__ import annotations

import pytest

from assay.monitoring.changes import change, pooled, widened
from assay.monitoring.performance_numbers import Figure


def figure(value: float, low: float, high: float) -> Figure:
    return Figure(value=value, low=low, high=high, n=10, groups=10)


def test_a_change_has_the_interval_of_zou_and_donner():
    # Of two proportions by Wilson's intervals this is Newcombe's method 10 (1998, Statistics in
    # Medicine 17:873-890), table II, case (a): 56/70 against 48/80.
    found = change(figure(48 / 80, 0.4904, 0.7004), figure(56 / 70, 0.6918, 0.8772))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=2e-3)


def test_pooled_figures_lean_to_the_surer_one_and_are_surer_than_any():
    found = pooled([figure(0.8, 0.7, 0.9), figure(0.6, 0.2, 1.0)])
    assert 0.78 < found.value < 0.8
    assert found.high - found.low < 0.2


def test_a_wider_interval_keeps_its_sides():
    found = widened(figure(0.5, 0.4, 0.7), confidence=0.99)
    assert found.low == pytest.approx(0.5 - 0.1 * 2.5758 / 1.95996, abs=1e-4)
    assert found.high == pytest.approx(0.5 + 0.2 * 2.5758 / 1.95996, abs=1e-4)
    assert widened(found, confidence=0.95) == found
