"""The pages about windows of traffic: drawn from numbers, loading and running nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from assay.monitoring import window as windows
from assay.monitoring.decision import Action, RetrainDecision
from assay.monitoring.numbers import Quality, Reference, ReferenceKind, WindowNumbers
from assay.monitoring.performance_numbers import Figure, Performance, Slice
from assay.monitoring.settings import DriftSettings
from assay.reports import evidently, monitoring, trend
from assay.reports.terminal import console
from assay.store.traffic import Span
from benchmarks.synthetic_traffic import window
from tests.captures import START

EVIL = "<script>alert(1)</script>"
REFERENCE = window(400, np.random.default_rng(0))
WINDOW = window(300, np.random.default_rng(1), changed=0.4).assign(human_label=None, flipped=None)


@pytest.fixture(scope="module")
def numbers() -> WindowNumbers:
    about = Reference(kind=ReferenceKind.FIRST_CAPTURES, captures=400, groups=400)
    span = Span(START, START + timedelta(days=1), "7")
    refused = windows.Refused({"unreadable_image": 12}, 300)
    return windows.measure(WINDOW, span, (about, REFERENCE), refused, DriftSettings())


def judged(numbers: WindowNumbers) -> WindowNumbers:
    figure = Figure(value=0.912, low=0.85, high=0.95, n=80, groups=70)
    part = {"by": "client", "n": 80, "groups": 70}
    slices = (
        Slice(name="forum", is_enough=True, figures={"auc": figure}, **part),
        Slice(name="press", is_enough=False, **part),
    )
    performance = Performance(
        labelled=90, n=80, groups=70, is_enough=True, figures={"auc": figure}, slices=slices
    )
    return numbers.model_copy(update={"performance": performance, "labelled": 90})


def test_page_says_what_moved_by_how_much_and_shows_it(numbers: WindowNumbers):
    html = monitoring.page(numbers).html
    moved = numbers.drifted
    assert f"{len(moved)} of {len(numbers.drift)} columns moved" in html
    assert html.count("<h3>") == len(moved) == html.count("data:image/svg+xml")
    assert f"at least {100 * moved[0].effect:.0f} % of the traffic" in html
    assert "Too few labels to tell." in html
    assert "3.8 %" in html  # 12 of 312 got no answer


def test_page_has_figures_with_intervals_and_the_decision(numbers: WindowNumbers):
    html = monitoring.page(judged(numbers), "retrain", ["AUC fell."]).html
    assert "0.912 (0.850 to 0.950)" in html
    assert "too few labels" in html
    assert "Decision: retrain" in html
    assert "AUC fell." in html


@pytest.mark.parametrize("make", [monitoring.page, lambda one: trend.page([(one, "none")])])
def test_page_loads_nothing_and_runs_nothing(numbers: WindowNumbers, make):
    html = make(numbers).html
    assert "<script" not in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert 'src="/' not in html


def test_strangers_names_are_shown_and_never_run(numbers: WindowNumbers):
    quality = Quality(clients={EVIL: 1.0}, refusals={EVIL: 1})
    html = monitoring.page(numbers.model_copy(update={"quality": quality})).html
    assert EVIL not in html
    assert "&lt;script&gt;" in html


def test_small_window_says_so(numbers: WindowNumbers):
    small = numbers.model_copy(update={"is_enough": False, "drift": (), "groups": 20})
    assert "Not enough data: 20 pictures" in monitoring.page(small).html
    assert "Not enough data" in evidently.page(small, REFERENCE, WINDOW).html


def test_trend_lists_all_windows_and_draws_those_that_were_judged(numbers: WindowNumbers):
    later = judged(numbers).model_copy(update={"until": START + timedelta(days=8)})
    small = numbers.model_copy(update={"is_enough": False, "until": START + timedelta(days=9)})
    html = trend.page([(later, "retrain"), (numbers, "none"), (small, "none")]).html
    rows = html[html.index("<tbody>") :]
    assert rows.index("2026-01-14") < rows.index("2026-01-13") < rows.index("2026-01-06 12:00 UTC")
    assert "data:image/svg+xml" in html
    assert "No window was large enough" in trend.page([(small, "none")]).html


def test_terminal_shows_the_window_and_the_decision(
    numbers: WindowNumbers, capsys: pytest.CaptureFixture[str]
):
    decision = RetrainDecision(action=Action.PAGE, reasons=("Nobody labels.",))
    for drawn in (monitoring.closing(numbers), monitoring.decided(decision)):
        console().print(drawn)
    printed = capsys.readouterr().out
    assert "descriptor: jpeg_quality" in printed
    assert "decision: page\nNobody labels." in printed


@pytest.mark.filterwarnings("ignore")
def test_evidently_page_opens_without_a_network(numbers: WindowNumbers, tmp_path: Path, browser):
    file = tmp_path / "evidently.html"
    few = numbers.model_copy(update={"drift": (*numbers.drifted, numbers.drift[-1])})
    file.write_text(evidently.page(few, REFERENCE, WINDOW).html)
    page, asked = browser.new_context(offline=True).new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.get_by_text(f"Drift in column '{monitoring.title(numbers.drifted[0])}'").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    drifted = page.get_by_text("Data drift detected.", exact=False)
    assert drifted.count() == len(numbers.drifted)
