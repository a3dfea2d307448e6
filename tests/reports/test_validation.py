"""The page of a validation: the verdict, the offending rows, and words of strangers as words."""

from __future__ import annotations

import io
from dataclasses import replace

from assay.expectation_results import Expected
from assay.expectations import Severity
from assay.metrics import Metric
from assay.records import Rejected
from assay.reports import terminal, validation
from assay.shortcuts import Outcome, Probe, Unprobed
from assay.validation import Count, Validation


def expected(passed: bool = True, severity: Severity = Severity.CRITICAL) -> Expected:
    few = () if passed else ("a/<b>.png",)
    return Expected("labels are known", "expect_x", severity, passed, "w", "o", len(few), few, "r")


def probe(form: str, outcome: Outcome) -> Probe:
    return Probe("set", "dimensions", form, Metric(0.9, 0.85, 0.95, 40), 40, outcome)


def found(*expectations: Expected, outcome: Outcome = Outcome.CLEAR) -> Validation:
    return Validation(
        dataset_version="abc",
        rows=40,
        counts=(Count("set", "train", "authentic", 20), Count("set", "test", "manipulated", 20)),
        rejected=(Rejected("x.png", "m.csv line 2: unknown label 'y'; known: z"),),
        expectations=expectations,
        probes=(probe("raw", Outcome.SUSPECT), probe("normalised", outcome)),
        unprobed=(Unprobed("other", 9, "one class: all are altered"),),
        shortcut_limit=0.75,
    )


def test_page_of_a_sound_dataset_says_passed():
    html = validation.page(found(expected())).html
    assert "Passed:" in html
    assert "Refused:" not in html
    assert html.count("data:image/svg+xml") == 3


def test_page_names_what_refuses_and_escapes_names():
    html = validation.page(found(expected(passed=False), outcome=Outcome.BLOCKS)).html
    assert "Refused:" in html
    assert "a/&lt;b&gt;.png" in html
    assert "<b>.png" not in html
    assert "set/dimensions" in html


def test_page_tells_warnings_and_suspects_from_refusals():
    warned = found(expected(False, Severity.WARNING), outcome=Outcome.SUSPECT)
    html = validation.page(warned).html
    assert "with warnings" in html
    assert "Suspected shortcut:" in html


def test_page_lists_rejected_rows_and_sets_that_cannot_be_probed():
    html = validation.page(found(expected())).html
    assert "unknown label" in html
    assert "m.csv line 2" in html
    assert "one class: all are altered" in html


def test_page_of_thousands_of_data_sets_shows_the_largest():
    names = [f"set-{number}" for number in range(3_000)]
    counts = tuple(
        Count(name, "train", "authentic", 9 if name == names[-1] else 1) for name in names
    )
    unprobed = tuple(Unprobed(count.dataset, count.rows, "too small") for count in counts)
    many = replace(found(expected()), counts=counts, unprobed=unprobed)
    html = validation.page(many).html
    assert html.count("2,970 others") == 2
    assert html.count("set-2999") == 2
    assert len(html) < 500_000


def test_page_of_nothing_probed_has_no_empty_figure():
    bare = Validation("abc", 0, (), (), (expected(),), (), (), 0.75)
    assert "No dataset could be probed" in validation.page(bare).html


def test_terminal_table_names_what_failed():
    refused = found(expected(passed=False), outcome=Outcome.BLOCKS)
    console = terminal.console()
    console.file = io.StringIO()
    console.print(*terminal.outcome({"validation": refused}))
    shown = console.file.getvalue()
    assert "refused" in shown
    assert "critical: labels are known" in shown
    assert "shortcut (blocks): dimensions in set" in shown
