"""Errors are estimated from a queue that is no random sample, and the intervals hold."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from assay.backtest import estimates
from assay.backtest.estimates import MISSED, NOTICES, REVIEWS, WRONG
from assay.backtest.records import Compared
from assay.metrics import Metric
from tests.backtest.traffic import World, table

ROUNDS = 100


def found(rows: pd.DataFrame, days: float = 1.0) -> dict[str, Compared]:
    return {each.name: each for each in estimates.estimates(rows, days)}


def holds(metric: Metric | None, value: float) -> bool:
    assert metric is not None
    return metric.low <= value <= metric.high


@pytest.mark.parametrize(
    "world",
    [World(), World(reached=0.4), World(expected=500, audit_share=0.02)],
    ids=["all-decided", "some-wait", "few-audits"],
)
def test_intervals_cover_the_truth_though_the_queue_is_a_biased_sample(world: World):
    truth, covered = world.mean(), Counter[str]()
    for seed in range(ROUNDS):
        numbers = found(world.drawn(seed)[0])
        covered["wrong old"] += holds(numbers[WRONG].old, truth["wrong old"])
        covered["wrong change"] += holds(
            numbers[WRONG].change, truth["wrong new"] - truth["wrong old"]
        )
        covered["missed new"] += holds(numbers[MISSED].new, truth["missed new"])
    assert min(covered.values()) >= 0.93 * ROUNDS, covered
    assert len(covered) == 3


def test_weighted_estimate_is_right_where_a_plain_count_is_not():
    world = World(reached=0.4)
    truth = world.mean()["wrong old"]
    weighted, plain = [], []
    for seed in range(40):
        rows = world.drawn(seed)[0]
        weighted.append(found(rows)[WRONG].old.value)
        told = rows[rows["old_notice"] != "none"]
        known = told[told["human"] != ""]
        plain.append(len(told) * known["is_cleared"].mean())
    assert np.mean(weighted) == pytest.approx(truth, rel=0.05)
    assert np.mean(plain) > 1.15 * truth  # people mostly see what is hardest to tell


def rows_of(*shown: tuple[float, float, bool, str]) -> pd.DataFrame:
    """Rows from (score, chance, drawn, human label)."""
    score, chance, drawn, human = map(np.array, zip(*shown, strict=True))
    return table(score, chance, drawn, pd.Series(human))


def test_audit_stands_for_those_that_were_not_drawn():
    rows = rows_of(
        (0.9, 0.1, True, "authentic"), (0.9, 0.1, False, ""), (0.6, 1.0, True, "authentic")
    )
    assert estimates.sample_weights(rows)[0].tolist() == pytest.approx([10, 0, 1])
    assert found(rows)[WRONG].old.value == pytest.approx(11)


def test_case_that_waits_is_stood_for_by_those_of_its_kind():
    rows = rows_of((0.6, 1.0, True, "authentic"), (0.6, 1.0, True, ""), (0.9, 0.1, True, ""))
    assert estimates.sample_weights(rows)[0].tolist() == [2, 0, 0]


def test_decision_on_a_report_counts_nothing():
    rows = rows_of((0.9, 0.1, False, "authentic"), (0.6, 1.0, True, "manipulated"))
    assert found(rows)[WRONG].old.value == 0


def test_unknown_is_not_none():
    rows = rows_of((0.9, 0.1, True, ""), (0.6, 1.0, True, ""))
    assert (found(rows)[WRONG].old, found(rows)[WRONG].change) == (None, None)
    assert found(rows)[MISSED].old.value == 0  # nothing is without a notice


def test_what_no_draw_could_show_is_counted_apart():
    rows = rows_of((0.9, 0.0, False, ""), (0.6, 1.0, True, "authentic"))
    known = estimates.coverage(rows)
    assert (known.drawn, known.decided, known.beyond) == (1, 1, 1)


def test_copies_of_an_image_are_one_case_and_one_arrival():
    rows = pd.concat([rows_of((0.6, 1.0, True, "authentic"))] * 5, ignore_index=True)
    numbers = found(rows, days=2.0)
    assert numbers[REVIEWS].old.value == 0.5
    assert numbers[NOTICES].old.value == 2.5
    assert numbers[NOTICES].old.n == 1
    assert numbers[NOTICES].old.high > 5  # five arrivals would be known better
    assert numbers[WRONG].old.value == 2.5


def test_several_chances_of_an_audit_are_more_than_one():
    rows = pd.concat([rows_of((0.9, 0.5, True, "authentic"))] * 2, ignore_index=True)
    assert found(rows)[REVIEWS].old.value == 0.75
    assert estimates.sample_weights(rows)[0].tolist() == pytest.approx([4 / 3, 4 / 3])


def test_seconds_of_a_forgotten_tab_count_as_a_lease():
    rows = rows_of(*[(0.6, 1.0, True, "authentic")] * 3)
    rows["seconds"] = [10.0, 20.0, 86_400.0]
    assert estimates.seconds_per_case(rows).value == pytest.approx((10 + 20 + 600) / 3)
    assert estimates.seconds_per_case(rows.head(1)) is None
