"""Percentiles with their intervals, and what is counted as what."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from assay import exports
from assay.load import summary
from assay.load.pacing import Load, Pace
from assay.load.summary import COLUMNS, Percentile, Summary, percentile
from assay.load.uploads import Uploads
from assay.records import Label, Rejected
from tests.load.made import answer, load


def summed(made: Load, **uploads: Any) -> Summary:
    return summary.summarise(made, "http://h", Pace(), Uploads((), "somewhere", **uploads))


def test_interval_of_a_median_is_that_of_the_tables():
    """n = 100: the 40th to the 61st (Conover 1999, "Practical Nonparametric Statistics")."""
    found = percentile(np.arange(1.0, 101.0), 50)
    assert (found.value, found.low, found.high) == (50, 40, 61)


def test_end_that_too_few_requests_bound_is_unknown():
    assert percentile(np.arange(1.0, 31.0), 99).high is None
    assert percentile(np.arange(1.0, 4.0), 50).low is None
    assert percentile(np.arange(1.0, 4.0), 100) == Percentile(100, 3, None, None)


@pytest.mark.parametrize("percent", [50, 95])
def test_interval_covers_the_truth_as_often_as_it_says(percent: float):
    rng = np.random.default_rng(0)
    truth = -np.log(1 - percent / 100)
    found = [percentile(np.sort(rng.exponential(size=300)), percent) for _ in range(400)]
    covered = np.mean([(one.low or 0) <= truth < (one.high or np.inf) for one in found])
    assert 0.93 < covered < 0.99


def test_refusals_do_not_flatter_the_latency():
    slow = [answer(number, 1.0) for number in range(3)]
    made = load(*slow, *(answer(9, 0.001, status=429, error="429 overloaded") for _ in range(50)))
    found = summed(made)
    assert {one.value for one in found.latency} == {1000}
    assert (found.verdicts, found.failed, found.statuses) == (3, 0, {"429": 50, "200": 3})
    assert found.errors == {"429 overloaded": 50}


@pytest.mark.parametrize(
    ("wrong", "failed"),
    [
        ({"status": 0, "error": "reset"}, 1),
        ({"status": 503, "error": "503"}, 1),
        ({"status": 422, "error": "422"}, 0),
        ({"label": "authentic"}, 0),
    ],
)
def test_failures_are_the_servers_own(wrong: dict[str, Any], failed: int):
    assert summed(load(answer(), answer(1, **wrong))).failed == failed


def test_request_that_was_given_up_is_a_failure_unless_somebody_stopped_it():
    assert summed(load(answer(), unfinished=2)).failed == 2
    assert summed(load(answer(), unfinished=2)).requests == 3
    assert summed(load(answer(), unfinished=2, is_interrupted=True)).failed == 0


def test_repeats_are_counted_and_shown_apart():
    made = load(
        answer(0, 0.5, image="a"),
        answer(1, 0.01, image="a", answered_from="x"),
        answer(2, 0.5, image="b"),
    )
    found = summed(made)
    assert (found.repeats, found.from_store) == (1, 1)
    assert found.latency_computed[0].value == 500
    assert summed(load(answer())).latency_computed == []


def test_accuracy_counts_each_image_once_and_only_those_with_labels():
    good = {Label.AUTHENTIC: ("authentic", 0.1), Label.SYNTHESIZED: ("manipulated", 0.9)}
    made = [
        answer(2 * number + row, expected=truth, label=label, score=score, image=f"{truth}{number}")
        for number in range(4)
        for row, (truth, (label, score)) in enumerate(good.items())
    ]
    found = summary.accuracy([*made, made[0], answer(50), answer(51, expected=Label.AUTHENTIC)])
    assert found is not None
    assert (found.images, found.authentic) == (9, 5)
    assert found.auc is not None
    assert found.auc.value == 1
    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.value == 1
    assert summary.accuracy([answer()]) is None


def test_accuracy_of_one_class_has_no_auc():
    found = summary.accuracy([answer(expected=Label.AUTHENTIC)])
    assert found is not None
    assert found.auc is None


def test_versions_and_what_was_not_sent_are_told():
    made = load(answer(), answer(1, model_version="8", serving_plan="p"), answer(2))
    found = summed(made, rejected=(Rejected("gone.jpg", "no such file"),))
    assert found.model_versions == {"7": 2, "8": 1}
    assert found.serving_plans == {"none": 2, "p": 1}
    assert found.rejected == {"gone.jpg": "no such file"}


def test_load_without_an_answer_has_a_summary():
    found = summed(load())
    assert (found.requests, found.throughput, found.latency, found.accuracy) == (0, 0, [], None)


def test_row_has_every_column_and_runs_in_no_spreadsheet():
    row = summary.row(answer(3, 0.2, image="=HYPERLINK()", expected=Label.MANIPULATED))
    text = b"".join(exports.as_csv([row], COLUMNS)).decode()
    (read,) = csv.DictReader(io.StringIO(text))
    assert (read["image"], read["expected"], read["latency_ms"]) == (
        "'=HYPERLINK()",
        "manipulated",
        "200.0",
    )
