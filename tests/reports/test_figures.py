"""Figures: what is plotted is what was computed."""

from __future__ import annotations

import numpy as np
import pytest

from assay.comparison import paired
from assay.metrics import Bootstrap, Metric
from assay.records import Label
from assay.reports import curves, figures, pictures
from tests.predictions import predictions, rising_scores

BOOTSTRAP = Bootstrap(40)


def test_roc_draws_each_score_with_its_name():
    scores, positive, groups = rising_scores()
    axes = figures.roc({"model": scores, "$x": -scores}, positive, groups, BOOTSTRAP).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines[1:]}
    expected = curves.roc_band(scores, positive, groups, BOOTSTRAP)[0]
    np.testing.assert_array_equal(drawn["model"], expected)
    assert len(axes.collections) == 2  # a band each


def test_reliability_draws_the_count_of_each_bin():
    scores = np.array([0.01, 0.02, 0.5, 0.99, 1.0])
    drawn = figures.reliability(scores, scores > 0.4, np.arange(5), BOOTSTRAP)
    counts = [bar.get_height() for bar in drawn.axes[1].patches]
    assert (counts[0], counts[7], counts[14], sum(counts)) == (2, 1, 2, 5)


def test_histograms_count_each_label_and_mark_threshold_and_band():
    drawn = figures.histograms(
        np.array([0.1, 0.2, 0.9]), ["authentic"] * 2 + ["manipulated"], 0.4, (0.3, 0.6)
    )
    heights = [sum(bar.get_height() for bar in axes.patches[:40]) for axes in drawn.axes]
    assert heights == [2, 1, 0]
    assert [axes.lines[0].get_xdata()[0] for axes in drawn.axes] == [0.4] * 3
    band = drawn.axes[0].patches[-1]
    assert (band.get_x(), band.get_x() + band.get_width()) == (0.3, pytest.approx(0.6))
    assert drawn.axes[2].get_title(loc="left") == "synthesized (0)"


def test_confusion_writes_counts_and_shares_of_rows():
    truth = ["authentic"] * 4 + ["manipulated"]
    predicted = ["authentic"] * 3 + ["synthesized", "manipulated"]
    words = [text.get_text() for text in figures.confusion(truth, predicted).axes[0].texts]
    assert words[:3] == ["3\n75 %", "0\n0 %", "1\n25 %"]
    assert words[4] == "1\n100 %"
    assert words[6:] == ["none"] * 3


def test_forest_draws_value_and_interval_and_skips_what_is_undefined():
    rows = {
        "splice": {"model": Metric(0.6, 0.5, 0.8, 9), "metadata alone": None},
        "$retouch$": {"model": None, "metadata alone": Metric(0.4, 0.3, 0.5, 9)},
    }
    drawn = figures.forest(rows)
    axes = drawn.axes[0]
    points = {c.get_label(): c.lines[0].get_xdata().tolist() for c in axes.containers}
    assert points == {"model": [0.6], "metadata alone": [0.4]}
    (whisker,) = axes.containers[0].lines[2][0].get_segments()
    assert whisker[:, 0] == pytest.approx([0.5, 0.8])
    assert pictures.svg(drawn).startswith("data:image/svg+xml")  # "$" is no formula


def test_forest_of_nothing_is_an_empty_figure():
    assert pictures.svg(figures.forest({})).startswith("data:image/svg+xml")


def test_scatter_draws_both_thresholds_and_every_point():
    rows = paired(predictions(2.0, n=60), predictions(0.1, n=60, noise=2))
    axes = figures.scatter(rows, ("version 1", "version 2"), (0.3, 0.6)).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("score of version 1", "score of version 2")
    assert [axes.lines[1].get_xdata()[0], axes.lines[2].get_ydata()[0]] == [0.3, 0.6]
    assert len(axes.collections[0].get_offsets()) == len(curves.score_pairs(rows))


def test_labels_have_colours_of_their_own():
    assert len({pictures.COLOURS[label.value] for label in Label}) == 3
