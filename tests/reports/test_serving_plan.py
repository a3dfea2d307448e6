"""The page of a serving plan names every trial, and why it was not taken."""

from __future__ import annotations

import pytest

from assay.reports.serving_plan import frontier, headline, page, table
from assay.reports.terminal import console, outcome
from tests.serving_plans import figures, plan


def test_page_names_every_trial_and_its_reason():
    html = page(plan()).html
    for trial in plan().trials:
        assert trial.name in html
        assert trial.reason in html
    assert "not available: there is no GPU" in html
    assert "http" not in html.replace("http://www.w3.org", "")


def test_baseline_and_choice_come_first():
    _, rows = table(plan())
    assert [row[0] for row in rows[:2]] == ["fp32", "batch_size=8 + prefix_cache"]
    assert [row[-1] for row in rows[:2]] == ["baseline", "chosen"]


def test_plan_that_chose_the_baseline_shows_it_once():
    chosen = plan(choices=("fp32",), figures=figures(end_to_end=1.0))
    _, rows = table(chosen)
    assert [row[0] for row in rows].count("fp32") == 1
    assert "chosen" in page(chosen).html


def test_headline_is_against_one_image_at_a_time():
    assert headline(plan())[0][0] == "8.0 x"


@pytest.mark.parametrize(
    ("points", "kept"),
    [
        ([(1.0, 1.0), (2.0, 2.0), (3.0, 1.5)], [(1.0, 1.0), (2.0, 2.0)]),
        ([(1.0, 3.0), (2.0, 2.0)], [(1.0, 3.0)]),
        ([(1.0, 1.0), (1.0, 2.0)], [(1.0, 2.0)]),
        ([], []),
    ],
)
def test_frontier_is_what_no_other_beats(
    points: list[tuple[float, float]], kept: list[tuple[float, float]]
):
    assert frontier(points) == kept


def test_terminal_shows_the_choice():
    terminal = console()
    with terminal.capture() as captured:
        for drawn in outcome({"serving_plan": plan()}):
            terminal.print(drawn)
    said = captured.get()
    assert plan().name in said
    assert "batch_size=8, fp32, prefix_cache" in said
