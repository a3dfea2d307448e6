"""Reports raise a case in the queue, as often as they are counted."""

import pytest

from assay.errors import NotCaptured, TooManyReports
from assay.store import HumanLabel, Store, Vote
from assay.store.ids import new_id
from tests.captures import capture, kept


def test_report_brings_a_cleared_image_before_people(store: Store):
    made = store.captures.append(capture(needs_review=False), b"x")
    store.reports.add(made.id, "somebody", "fake", "that is not my street")
    case = store.review.claim("ada")
    assert (case.reason, case.reports) == ("report", 1)


def test_reports_of_pixel_equal_captures_add_up(store: Store):
    first, second = kept(store), kept(store)
    store.reports.add(first.id, "somebody")
    store.reports.add(second.id, "somebody")
    assert store.review.claim("ada").reports == 2


def test_one_client_is_counted_a_few_times_an_hour(store: Store, clock):
    made = kept(store)
    for _ in range(3):
        store.reports.add(made.id, "somebody")
    with pytest.raises(TooManyReports, match="3 times"):
        store.reports.add(made.id, "somebody")
    store.reports.add(made.id, "another")
    clock.advance(3601)
    store.reports.add(made.id, "somebody")
    assert store.review.claim("ada").reports == 5


def test_decided_case_is_not_reopened(store: Store):
    made = kept(store)
    store.feedback.record(made.id, "ada", Vote(HumanLabel.AUTHENTIC))
    store.reports.add(made.id, "somebody")
    assert store.review.backlog() == 0


def test_report_of_nothing_is_an_error(store: Store):
    with pytest.raises(NotCaptured):
        store.reports.add(new_id(), "somebody")
