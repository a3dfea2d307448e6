"""The overview counts what it says it counts."""

from datetime import timedelta

import pytest

from assay.records import Label
from assay.store import HumanLabel, Store, Vote
from assay.store.figures import wilson
from tests.captures import START, kept


def test_empty_store_has_no_shares(store: Store):
    figures = store.overview.since(START)
    assert (figures.captures, figures.backlog, figures.votes) == (0, 0, 0)
    assert figures.cleared_share is figures.agreement is figures.median_latency_ms is None


def test_captures_and_their_verdicts_are_counted_since_then(store: Store):
    kept(store, "old", created_at=START - timedelta(days=1))
    for n in range(3):
        kept(store, f"clear{n}", label=Label.AUTHENTIC, needs_review=False, latency_ms=10.0 * n)
    kept(store, "fake", latency_ms=100.0)
    figures = store.overview.since(START)
    assert figures.by_label == {"authentic": 3, "manipulated": 1}
    assert figures.cleared_share == 0.75
    assert (figures.median_latency_ms, figures.p95_latency_ms) == (15.0, 100.0)


def test_backlog_has_an_age(store: Store, clock):
    kept(store)
    clock.advance(600)
    figures = store.overview.since(START)
    assert (figures.backlog, figures.oldest_open) == (1, 600)


def test_only_blind_votes_count_for_agreement(store: Store):
    for n, (label, is_blind) in enumerate(
        [("manipulated", True), ("authentic", True), ("manipulated", False)]
    ):
        vote = Vote(HumanLabel(label), seconds=float(n), is_blind=is_blind)
        store.feedback.record(kept(store, str(n)).id, "ada", vote)
    figures = store.overview.since(START)
    assert (figures.votes, figures.median_seconds) == (3, 1.0)
    assert (figures.blind_votes, figures.agreement) == (2, 0.5)


def test_days_without_anything_are_there_too(store: Store, clock):
    kept(store, "a", created_at=START.replace(hour=23, minute=59), latency_ms=10.0)
    kept(store, "b", created_at=START, label=Label.AUTHENTIC, latency_ms=20.0)
    clock.advance(2 * 86400)
    kept(store, "c", created_at=clock.now, latency_ms=40.0)
    first, second, third = store.overview.by_day(START - timedelta(hours=1))
    assert first.by_label == {"manipulated": 1, "authentic": 1}
    assert (first.mean_latency_ms, second.by_label, second.mean_latency_ms) == (15.0, {}, None)
    assert (third.date, third.by_label) == (clock.now.date(), {"manipulated": 1})


def test_agreement_has_the_interval_of_wilson():
    # Newcombe 1998 (Statistics in Medicine 17:857-872), table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
