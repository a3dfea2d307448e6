"""Captures as statistics read them: in order, within limits, with what people decided."""

from __future__ import annotations

from datetime import timedelta

from assay.store import HumanLabel, Store, Vote
from assay.store.traffic import Served, Span
from tests.captures import START, kept

DAY = timedelta(days=1)


ALWAYS = Span()


def read(store: Store, span: Span = ALWAYS, limit: int = 100, **options: bool) -> list[Served]:
    return [one for page in store.traffic.read(span, limit, **options) for one in page]


def posts(served: list[Served]) -> list[str]:
    return [one.capture["client"] for one in served]


def three(store: Store) -> None:
    for number in range(3):
        kept(store, f"picture-{number}", client=str(number), created_at=START + number * DAY)


def test_captures_are_read_from_either_end(store: Store):
    three(store)
    assert posts(read(store)) == ["2", "1", "0"]
    assert posts(read(store, limit=2)) == ["2", "1"]
    assert posts(read(store, limit=2, newest=False)) == ["0", "1"]


def test_pages_join_where_captures_came_at_the_same_moment(store: Store, monkeypatch):
    monkeypatch.setattr("assay.store.traffic._PAGE", 2)
    for number in range(5):
        kept(store, f"picture-{number}", client=str(number))
    assert sorted(posts(read(store))) == ["0", "1", "2", "3", "4"]
    assert posts(read(store)) == posts(read(store, newest=False))[::-1]


def test_span_leaves_out_its_end_other_models_and_what_was_deleted(store: Store):
    three(store)
    other = kept(store, "other", client="8", created_at=START + DAY, model_version="8")
    gone = kept(store, "gone", client="gone", created_at=START)
    store.retention.delete(gone.id, "test")
    assert posts(read(store, Span(START, START + 2 * DAY, "7"))) == ["1", "0"]
    assert posts(read(store, Span(model_version="8"))) == [other.client]
    assert store.traffic.count(Span()) == 4


def test_decision_that_counts_is_told_of_every_pixel_equal_capture(store: Store):
    first, again = kept(store), kept(store)
    store.feedback.record(first.id, "ada", Vote(HumanLabel.MANIPULATED))
    last = store.feedback.record(first.id, "ben", Vote(HumanLabel.AUTHENTIC, is_blind=True))
    rulings = [one.ruling for one in read(store)]
    assert [(r.label, r.is_blind, r.decided_by) for r in rulings if r] == [
        ("authentic", True, "ben")
    ] * 2
    store.feedback.undo(last, "ben")
    assert {one.ruling.decided_by for one in read(store) if one.ruling} == {"ada"}
    assert again.id in {one.capture["id"] for one in read(store)}


def test_oldest_of_the_newest_tells_where_a_limit_cuts(store: Store):
    three(store)
    assert store.traffic.first_of_newest(Span(), 2) == START + DAY
    assert store.traffic.first_of_newest(Span(), 4) is None
