"""Outcomes are counted as users and people saw them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from assay.records import Label
from assay.store import HumanLabel, Notice, Selection, Store, StoreSettings, Vote
from assay.store.outcomes import Outcome
from tests.captures import START, Clock, capture, kept


def decide(store: Store, picture: str, said: HumanLabel, **changes: object) -> None:
    made = kept(store, picture, **changes)
    store.feedback.record(made.id, "ada", Vote(said))


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


@pytest.fixture
def auditing(settings: StoreSettings, clock: Clock) -> Iterator[Store]:
    """A store that draws half of what it keeps, by the identifier."""
    halved = settings.model_copy(update={"audit_share": 0.5})
    with Store.open(halved, clock=clock, drain=False) as opened:
        yield opened


def drawn(is_audit: bool) -> str:
    """An identifier that is drawn, or is not."""
    names = (f"0198f2a0-4b7c-7d31-9f0e-5c1a2b3d4e{n:02x}" for n in range(256))
    return next(n for n in names if capture(id=n).drawn(0.5).is_audit is is_audit)


def test_only_labels_that_came_by_design_count_but_all_reports_do(auditing: Store):
    clear = {"label": Label.AUTHENTIC, "needs_review": False}
    decide(auditing, "audited", HumanLabel.AUTHENTIC, **clear, id=drawn(True))
    reported = kept(auditing, "reported", **clear, id=drawn(False))
    for client in ("a", "b"):
        auditing.reports.add(reported.id, client)
    auditing.feedback.record(reported.id, "ada", Vote(HumanLabel.MANIPULATED))
    assert auditing.outcomes.since(START) == [Outcome(False, False, False, 2, 1, 1, 0, 2)]


def test_reports_of_authentic_images_are_no_reports_of_edits(store: Store):
    harmless = kept(store, label=Label.AUTHENTIC, needs_review=False)
    store.reports.add(harmless.id, "a")
    store.feedback.record(harmless.id, "ada", Vote(HumanLabel.AUTHENTIC))
    assert store.outcomes.since(START) == [Outcome(False, False, False, 1, 0, 0, 0, 0)]


def test_a_vote_that_was_taken_back_is_no_label(store: Store):
    asked = {"selection_reason": Selection.NEEDS_REVIEW, "selection_probability": 1.0}
    made = kept(store, "asked", **asked)
    store.feedback.undo(store.feedback.record(made.id, "ada", Vote(HumanLabel.MANIPULATED)), "ada")
    store.feedback.record(made.id, "bob", Vote(HumanLabel.UNSURE))
    (found,) = store.outcomes.since(START)
    assert (found.selected, found.labelled, found.positive) == (1, 0, 0)
