"""All traffic of a span, with the human decision that counts."""

from __future__ import annotations

from datetime import timedelta

from assay.records import Label
from assay.store import HumanLabel, Store, Vote
from assay.store.capture import Selection
from tests.captures import START, kept


def test_captures_of_a_span_come_oldest_first_with_what_was_decided(store: Store):
    early = kept(store, "harbour")
    kept(store, "boat", created_at=START + timedelta(hours=2), needs_review=False)
    vote = Vote(HumanLabel.AUTHENTIC, reason_code="benign_edit", seconds=4.0)
    store.feedback.record(early.id, "ada", vote)
    first, second = store.answers.between(None, None)
    assert (first.id, first.human_label, first.seconds) == (early.id, HumanLabel.AUTHENTIC, 4.0)
    assert (first.reason_code, first.label, first.is_kept) == (
        "benign_edit",
        Label.MANIPULATED,
        True,
    )
    assert (second.human_label, second.seconds, second.reason_code) == (None, None, "")


def test_only_findings_of_reviews_are_read(store: Store):
    kept(store, "harbour")
    kept(store, "boat", needs_review=False)
    assert [bool(one.findings) for one in store.answers.between(None, None)] == [True, False]


def test_span_is_half_open_and_deleted_captures_are_left_out(store: Store):
    hours = [kept(store, f"h{n}", created_at=START + timedelta(hours=n)).id for n in range(4)]
    store.retention.delete(hours[2], "ada")
    found = store.answers.between(START + timedelta(hours=1), START + timedelta(hours=3))
    assert [one.id for one in found] == [hours[1]]


def test_undone_decision_does_not_count_and_copies_share_what_counts(store: Store):
    first, copy = kept(store, "harbour"), kept(store, "harbour")
    vote = store.feedback.record(first.id, "ada", Vote(HumanLabel.AUTHENTIC))
    labels = [one.human_label for one in store.answers.between(None, None)]
    assert labels == [HumanLabel.AUTHENTIC] * 2
    store.feedback.undo(vote, "ada")
    assert [one.human_label for one in store.answers.between(None, None)] == [None, None]
    assert copy.selection_reason is Selection.NEEDS_REVIEW


def test_pages_lose_nothing(store: Store, monkeypatch):
    from assay.store import answers

    monkeypatch.setattr(answers, "_PAGE", 2)
    made = [kept(store, f"p{n}").id for n in range(5)]
    assert [one.id for one in store.answers.between(None, None)] == made
