"""The page of a robustness matrix: its heat table and every number in it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

from assay.metrics import Metric
from assay.reports import interval, terminal
from assay.reports import robustness as report
from assay.robustness import Result, Robustness, Slice
from tests.reports.test_terminal import shown


def metric(value: float) -> Metric:
    return Metric(value, max(0.0, value - 0.1), min(1.0, value + 0.1), 24)


def result(name: str, everyday: bool, auc: float, flips: float | None) -> Result:
    slices = (
        Slice("dataset", "<b>scenes", 6, replace(metric(auc / 2), n=9)),
        Slice("size", "everything", 6, metric(0.99)),
    )
    flip_rate = None if flips is None else metric(flips)
    rates = metric(0.8), metric(0.31), flip_rate, None, metric(0.4)
    return Result(name, "", everyday, 24, 12, metric(auc), metric(0.12), *rates, slices)


MATRIX = Robustness(
    0.512,
    24,
    12,
    (
        result("unperturbed", True, 0.83, None),
        result("webp 75", True, 0.71, 0.17),
        result("jpeg 50", False, 0.62, 0.44),
    ),
    (Slice("size", "under 512 px", 6, metric(0.35)),),
)
NOTHING = Robustness(0.5, 0, 0, (), ())


def test_page_has_every_metric_with_its_interval():
    html = report.page(MATRIX).html
    for found in MATRIX.results:
        for known in (found.auc, found.flip_rate, found.decided_share):
            assert known is None or interval(known) in html
    assert "<td>webp 75 •</td>" in html
    assert "<td>jpeg 50</td>" in html
    assert "under 512 px" in html


def test_page_escapes_the_names_of_datasets():
    html = report.page(MATRIX).html
    assert "&lt;b&gt;scenes" in html
    assert "<b>scenes" not in html


def test_heat_table_has_a_row_a_perturbation_and_a_number_a_cell():
    drawn = report.heat_table(MATRIX)
    axes = drawn.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [r.name for r in MATRIX.results]
    cells = [text.get_text() for text in axes.texts]
    assert len(cells) == 3 * 7
    assert {"0.83", "0.17", "0.44", "-"} <= set(cells)


def test_darker_is_worse_whichever_way_a_metric_counts():
    badness = report.heat_table(MATRIX).axes[0].images[0].get_array()
    auc, true_positives, false_positives, flips = badness.T[:4]
    assert auc[0] < auc[1] < auc[2]
    assert round(float(true_positives[0]), 2) == 0.2
    assert round(float(false_positives[0]), 2) == 0.31
    assert flips[1] < flips[2]


def test_same_matrix_gives_the_same_page():
    first, second = report.page(MATRIX).html, report.page(MATRIX).html
    assert first == second
    picture = re.search(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", first)
    assert picture
    assert b"<svg" in base64.b64decode(picture[1])


def test_slices_with_the_most_false_positives_come_first_and_no_slice_is_the_whole():
    worst = report.page(MATRIX).html.split("most frequent")[1]
    assert "everything" not in worst
    assert worst.index("unperturbed") < worst.index("webp 75") < worst.index("jpeg 50")


def test_brief_names_the_worst_everyday_perturbation_and_the_lowest_auc():
    rows = {what: (under, value) for what, under, value in report.brief(MATRIX)}
    assert rows["lowest AUC"] == ("jpeg 50", interval(metric(0.62)))
    assert rows["highest flip rate"] == ("webp 75", interval(metric(0.17)))


def test_terminal_shows_the_brief():
    text = shown(terminal.outcome({"robustness": MATRIX})[0])
    assert "webp 75" in text
    assert interval(metric(0.17)) in text


def test_nothing_measured_is_said():
    assert "was not measured" in report.page(NOTHING).html
    assert terminal.outcome({"robustness": NOTHING}) == []
