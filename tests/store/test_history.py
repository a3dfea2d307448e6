"""The history shows what it was asked for, page by page, each row with its decision."""

from datetime import timedelta

import pytest

from assay.records import Label
from assay.store import CaptureFilter, HistoryFilter, HumanLabel, Notice, Store, Vote
from tests.captures import START, kept

ALL = HistoryFilter()


def names(store: Store, chosen: HistoryFilter = ALL, **where: object) -> list[str]:
    """Pictures in the order of the page."""
    rows = store.history.page(chosen, **where)
    return [row.capture.external_id.removeprefix("post-") for row in rows]


def test_pages_go_both_ways(store: Store):
    ids = [kept(store, str(n)).id for n in range(5)]
    assert names(store, limit=2) == ["4", "3"]
    assert names(store, before=ids[3], limit=2) == ["2", "1"]
    assert names(store, after=ids[0], limit=2) == ["2", "1"]
    assert (store.history.count(ALL, 100), store.history.count(ALL, 3)) == (5, 3)


def test_a_row_carries_the_decision_that_counts(store: Store):
    kept(store, "undecided")
    one = kept(store, "decided")
    store.feedback.record(one.id, "ada", Vote(HumanLabel.MANIPULATED))
    newest = store.feedback.record(one.id, "ada", Vote(HumanLabel.AUTHENTIC))
    store.feedback.record(one.id, "ada", Vote(HumanLabel.UNSURE))
    first, second = store.history.page(ALL)
    assert (first.decision.id, first.decision.label, second.decision) == (newest, "authentic", None)
    store.feedback.undo(newest, "ada")
    assert store.history.page(ALL)[0].decision.label is HumanLabel.MANIPULATED


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        (HistoryFilter(is_decided=True), ["c"]),
        (HistoryFilter(is_decided=False), ["b", "a"]),
        (HistoryFilter(human=HumanLabel.SYNTHESIZED), ["c"]),
        (HistoryFilter(human=HumanLabel.AUTHENTIC), []),
        (HistoryFilter(notice=Notice.CAUTION), ["a"]),
        (HistoryFilter(text="FLOOD"), ["b"]),
        (HistoryFilter(text="POST-A"), ["a"]),
        (HistoryFilter(text="100%"), []),
        (HistoryFilter(CaptureFilter(label=Label.AUTHENTIC)), ["b"]),
        (HistoryFilter(CaptureFilter(since=START)), ["c", "b"]),
    ],
)
def test_filters_leave_what_they_say(store: Store, chosen: HistoryFilter, shown: list[str]):
    kept(store, "a", notice=Notice.CAUTION, created_at=START - timedelta(days=1))
    kept(store, "b", caption="A flood, 1000 dead", label=Label.AUTHENTIC)
    made = kept(store, "c")
    store.feedback.record(made.id, "ada", Vote(HumanLabel.SYNTHESIZED))
    assert names(store, chosen) == shown


def test_an_export_is_complete_and_logged(store: Store):
    for n in range(7):
        kept(store, str(n))
    assert len(list(store.history.rows(ALL, "ada"))) == 7
    assert [(e.actor, e.action) for e in store.audit.entries()] == [("ada", "history.export")]
