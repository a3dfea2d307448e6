"""Refused images are counted once, whoever counts and when."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

from assay.store import Refusal, Store

MONDAY = date(2026, 1, 5)
UNREADABLE = Refusal(MONDAY, "platform", "unreadable_image")
LARGE = Refusal(MONDAY, "platform", "image_too_large")
OTHERS = Refusal(MONDAY, "another", "unreadable_image")
LATER = Refusal(MONDAY + timedelta(days=1), "platform", "unreadable_image")
MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)


def test_counts_add_up_by_day_client_and_code(store: Store):
    store.refusals.add({UNREADABLE: 2, LARGE: 1, OTHERS: 4})
    store.refusals.add({UNREADABLE: 3, LATER: 1})
    counted = store.refusals.between(MIDNIGHT, MIDNIGHT + timedelta(days=2))
    assert counted == [(OTHERS, 4), (LARGE, 1), (UNREADABLE, 5), (LATER, 1)]


def test_span_holds_its_days_and_not_the_one_that_its_end_begins(store: Store):
    store.refusals.add({UNREADABLE: 1, LATER: 1})
    noon, day = MIDNIGHT + timedelta(hours=12), timedelta(days=1)
    assert store.refusals.between(noon, MIDNIGHT + day) == [(UNREADABLE, 1)]
    assert store.refusals.between(MIDNIGHT + day, noon + day) == [(LATER, 1)]
    assert store.refusals.between(noon - day, MIDNIGHT) == []


def test_processes_that_count_at_once_lose_nothing(store: Store):
    counts = [{UNREADABLE: 1, LARGE: 2}, {LARGE: 1, UNREADABLE: 2}] * 10
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(store.refusals.add, counts))
    counted = dict(store.refusals.between(MIDNIGHT, MIDNIGHT + timedelta(days=1)))
    assert counted == {UNREADABLE: 30, LARGE: 30}
