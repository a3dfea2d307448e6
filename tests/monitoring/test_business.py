"""What the service saves, and how sure that is."""

from __future__ import annotations

import numpy as np

from assay.monitoring.business import LEAST_REPORTS, business, reports_avoided
from assay.store.outcomes import Outcome


def outcome(is_told: bool, captures: int, **changes: int) -> Outcome:
    """Captures outside the review band, of which some were drawn at random."""
    values = {"selected": 0, "labelled": 0, "positive": 0, "reports": 0, **changes}
    return Outcome(False, is_told, is_told, captures, **values)


def platform(told: int, missed: int, rate: float, still: int = 0) -> list[Outcome]:
    """10,000 captures with so many edits; those that were missed are reported at a rate."""
    untold = outcome(
        False, 9000, selected=900, labelled=900, positive=missed // 10, reports=int(rate * missed)
    )
    shown = outcome(True, 1000, selected=100, labelled=100, positive=told // 10, reports=still)
    return [untold, shown]


def test_reports_of_what_was_found_are_those_of_what_was_missed():
    found = reports_avoided(platform(told=800, missed=200, rate=0.5))
    assert found is not None
    assert found.low < 400 < found.high
    assert abs(found.value - 400) < 40


def test_reports_that_came_all_the_same_were_not_avoided():
    found = reports_avoided(platform(told=800, missed=200, rate=0.5, still=100))
    assert found is not None
    assert abs(found.value - 300) < 40


def test_too_few_reports_or_labels_tell_nothing():
    assert reports_avoided(platform(told=800, missed=200, rate=(LEAST_REPORTS - 1) / 200)) is None
    assert reports_avoided([outcome(False, 100, reports=50), outcome(True, 10)]) is None
    assert reports_avoided([]) is None


def test_the_interval_holds_the_truth_as_often_as_it_says():
    held, rng = 0, np.random.default_rng(0)
    for _ in range(200):
        missed, told = rng.binomial(9000, 0.03), rng.binomial(1000, 0.8)
        audited = rng.hypergeometric(missed, 9000 - missed, 450)
        seen = rng.hypergeometric(told, 1000 - told, 50)
        untold = outcome(
            False, 9000, selected=450, labelled=450, positive=audited,
            reports=rng.poisson(0.2 * missed),
        )  # fmt: skip
        found = reports_avoided(
            [untold, outcome(True, 1000, selected=50, labelled=50, positive=seen)]
        )
        held += found is not None and found.low <= 0.2 * told <= found.high
    assert held >= 180


def test_shares_count_who_had_to_look():
    found = business(
        [
            Outcome(False, False, False, 80, selected=2, labelled=0, positive=0, reports=0),
            Outcome(True, False, False, 10, selected=10, labelled=0, positive=0, reports=0),
            Outcome(False, True, True, 10, selected=1, labelled=0, positive=0, reports=0),
        ]
    )
    assert (found.auto_cleared, found.sent_to_review) == (0.78, 0.13)
    assert found.reports_avoided is None


def test_without_captures_there_is_nothing_to_share():
    assert business([]).auto_cleared is business([]).sent_to_review is None
