"""Performance of all traffic, estimated from a queue that is no random sample of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.metrics import COVERAGE
from assay.monitoring.performance import MOVED, REST, measure
from assay.monitoring.settings import PerformanceSettings
from benchmarks.monitor_labels import truth
from benchmarks.synthetic_windows import World, window

SETTINGS = PerformanceSettings(resamples=200)
CALM = truth(World())


def of(seed: int, captures: int = 2000, **world: Any) -> pd.DataFrame:
    return window(np.random.default_rng(seed), captures, World(**world))


def test_what_everybody_labelled_is_simply_counted():
    frame = of(0, audit_share=1.0, decided=1.0, repeats=0.0)
    found = measure(frame, SETTINGS)
    assert found is not None
    flagged, edited = frame["label"] != "authentic", frame["truth"] != "authentic"
    assert found.figures["precision"].value == pytest.approx(
        (edited & flagged).sum() / flagged.sum()
    )
    assert found.figures["recall"].value == pytest.approx((edited & flagged).sum() / edited.sum())
    assert found.figures["agreement"].value == pytest.approx((flagged == edited).mean())
    assert found.figures["prevalence"].value == pytest.approx(edited.mean())


def test_weights_find_the_truth_where_plain_labels_are_far_off():
    frame = of(1, captures=20_000)
    found = measure(frame, SETTINGS)
    plain = measure(frame[frame["human_label"].notna()].assign(weight=1.0), SETTINGS)
    assert found is not None
    assert plain is not None
    for name in ("auc", "recall", "prevalence", "agreement"):
        weighted, unweighted = found.figures[name], plain.figures[name]
        assert weighted.low <= CALM[name] <= weighted.high, name
        assert not unweighted.low <= CALM[name] <= unweighted.high, name


def test_intervals_hold_the_truth_as_often_as_they_say():
    worlds = [measure(_whole(of(seed, captures=1000)), SETTINGS) for seed in range(60)]
    for name in ("auc", "precision", "recall", "gap", "ece", "agreement", "prevalence"):
        figures = [one.figures[name] for one in worlds if one and name in one.figures]
        held = sum(figure.low <= CALM[name] <= figure.high for figure in figures)
        assert len(figures) >= 55
        assert held >= (COVERAGE - 0.10) * len(figures), name


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(client="", stratum="")


def test_none_found_among_a_few_audits_is_no_proof_of_none():
    frame = of(2, audit_share=0.03, decided=1.0)
    missed = (frame["truth"] != "authentic") & (frame["label"] == "authentic")
    frame = frame[~(missed & ~frame["needs_review"] & frame["human_label"].notna())]
    found = measure(frame, SETTINGS)
    assert found is not None
    recall = found.figures["recall"]
    assert recall.value - recall.low > 2 * (recall.high - recall.value)


def test_calibrated_scores_have_no_error_beyond_chance():
    found = [measure(_whole(of(seed)), SETTINGS) for seed in range(10)]
    assert sum(one.figures["ece"].low == 0 for one in found if one) >= 9
    shifted = measure(of(0, shift=1.5), SETTINGS)
    assert shifted is not None
    assert shifted.figures["ece"].low > 0.05
    assert shifted.figures["gap"].low > 0.05


def test_few_labels_say_that_they_are_few():
    found = measure(of(3, captures=60), SETTINGS)
    assert found is not None
    assert not found.is_enough
    assert found.figures == {}
    clients = {part.name: part for part in measure(of(3), SETTINGS).slices if part.by == "client"}  # type: ignore[union-attr]
    assert clients["forum"].is_enough
    assert clients["forum"].groups > clients["market"].groups


def test_traffic_that_nobody_audits_is_not_judged():
    found = measure(of(4, audit_share=0.0), SETTINGS)
    assert found is not None
    assert found.n > SETTINGS.least_labels
    assert not found.is_enough


def test_without_labels_there_is_nothing():
    assert measure(of(5, decided=0.0), SETTINGS) is None


def test_repeats_of_a_picture_add_no_certainty():
    frame = of(6, repeats=0.0)
    twice = pd.concat([frame, frame], ignore_index=True)
    once, doubled = measure(frame, SETTINGS), measure(twice, SETTINGS)
    assert once is not None
    assert doubled is not None
    widths = [
        one.figures["agreement"].high - one.figures["agreement"].low for one in (once, doubled)
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
    assert doubled.groups == once.groups


def test_what_drifted_is_measured_apart():
    frame = of(7, new_trick=0.2, audit_share=0.2)
    found = measure(frame, SETTINGS, (frame["d_sharpness"] > 1.5).to_numpy(bool))
    assert found is not None
    parts = {part.name: part.figures["agreement"] for part in found.slices if part.by == MOVED}
    assert parts[MOVED].high < parts[REST].low


def test_kinds_are_told_apart():
    found = measure(of(8, captures=5000), SETTINGS)
    assert found is not None
    kinds = {part.name: part for part in found.slices if part.by == "label"}
    assert set(kinds) == {"manipulated", "synthesized"}
    assert set(kinds["manipulated"].figures) == {"auc", "recall"}
    assert kinds["manipulated"].groups < found.groups


def test_the_same_labels_give_the_same_figures():
    assert measure(of(9), SETTINGS) == measure(of(9), SETTINGS)
