"""Outcomes are counted as users and people saw them."""

from __future__ import annotations

from datetime import timedelta

from assay.records import Label
from assay.store import HumanLabel, Notice, Selection, Store, Vote
from assay.store.outcomes import Outcome
from tests.captures import START, kept


def decide(store: Store, picture: str, label: HumanLabel, **changes: object) -> None:
    made = kept(store, picture, **changes)
    store.feedback.record(made.id, "ada", Vote(label))


def test_an_empty_store_has_no_outcomes(store: Store):
    assert store.outcomes.since(START) == []


def test_captures_are_counted_by_what_was_said_and_shown(store: Store):
    kept(store, "old", created_at=START - timedelta(days=1))
    clear = {"label": Label.AUTHENTIC, "needs_review": False}
    for n in range(3):
        kept(store, f"clear{n}", **clear)
    kept(store, "told", needs_review=False, notice=Notice.CAUTION)
    asked = {"selection_reason": Selection.NEEDS_REVIEW, "selection_probability": 1.0}
    decide(store, "asked", HumanLabel.MANIPULATED, notice=Notice.CAUTION, **asked)
    found = {(o.needs_review, o.is_told, o.is_flagged): o for o in store.outcomes.since(START)}
    assert found[False, False, False] == Outcome(False, False, False, 3, 0, 0, 0, 0)
    assert found[False, True, True] == Outcome(False, True, True, 1, 0, 0, 0, 0)
    assert found[True, True, True] == Outcome(True, True, True, 1, 1, 1, 1, 0)


def test_only_labels_that_came_by_design_count_but_all_reports_do(store: Store):
    clear = {"label": Label.AUTHENTIC, "needs_review": False}
    drawn = {"selection_reason": Selection.AUDIT, "selection_probability": 0.1}
    decide(store, "audited", HumanLabel.AUTHENTIC, **clear, **drawn)
    reported = kept(store, "reported", **clear)
    for client in ("a", "b"):
        store.reports.add(reported.id, client)
    store.feedback.record(reported.id, "ada", Vote(HumanLabel.MANIPULATED))
    harmless = kept(store, "harmless", **clear)
    store.reports.add(harmless.id, "a")
    store.feedback.record(harmless.id, "ada", Vote(HumanLabel.AUTHENTIC))
    assert store.outcomes.since(START) == [Outcome(False, False, False, 3, 1, 1, 0, 2)]


def test_a_vote_that_was_taken_back_is_no_label(store: Store):
    asked = {"selection_reason": Selection.NEEDS_REVIEW, "selection_probability": 1.0}
    made = kept(store, "asked", **asked)
    store.feedback.undo(store.feedback.record(made.id, "ada", Vote(HumanLabel.MANIPULATED)), "ada")
    store.feedback.record(made.id, "bob", Vote(HumanLabel.UNSURE))
    (found,) = store.outcomes.since(START)
    assert (found.selected, found.labelled, found.positive) == (1, 0, 0)
