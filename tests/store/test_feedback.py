"""Feedback only grows, and the decision that counts is derived from it."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.errors import NotCaptured, NotStored, NotYourCase
from assay.store import HumanLabel, Store, StoreSettings, Vote
from assay.store.ids import new_id
from tests.captures import capture, kept

FAKE, REAL = Vote(HumanLabel.MANIPULATED, "label"), Vote(HumanLabel.AUTHENTIC, "allow")


def test_vote_is_kept_with_who_when_and_why(store: Store, clock):
    made = kept(store)
    clock.advance(90)
    vote = Vote(HumanLabel.SYNTHESIZED, "remove", "ai", "six fingers\x00", seconds=4.5)
    number = store.feedback.record(made.id, "ada", vote)
    (row,) = store.feedback.history(made.id)
    assert row == store.feedback.decision(made.id)
    assert (row.id, row.who, row.created_at) == (number, "ada", clock.now)
    assert (row.label, row.action) == (HumanLabel.SYNTHESIZED, "remove")
    assert (row.reason_code, row.note) == ("ai", "six fingers")


def test_vote_closes_the_case(store: Store):
    made = kept(store)
    store.feedback.record(made.id, "key:platform", FAKE)
    assert store.review.claim("ada") is None


def test_vote_on_a_capture_that_is_still_spooled(store: Store):
    made = store.captures.append(capture(needs_review=False), b"x")
    store.feedback.record(made.id, "ada", FAKE)
    assert store.feedback.decision(made.id).label is HumanLabel.MANIPULATED


def test_undo_is_a_row_and_the_earlier_vote_counts_again(store: Store):
    made = kept(store)
    store.feedback.record(made.id, "ada", FAKE)
    second = store.feedback.record(made.id, "bob", REAL)
    store.feedback.undo(second, "bob")
    assert store.feedback.decision(made.id).label is HumanLabel.MANIPULATED
    assert [row.undoes for row in store.feedback.history(made.id)] == [None, None, second]
    assert store.review.claim("bob").reason == "undone"


def test_only_a_vote_that_counts_is_undone_and_by_its_author(store: Store):
    made = kept(store)
    number = store.feedback.record(made.id, "ada", FAKE)
    with pytest.raises(NotYourCase, match="somebody else's"):
        store.feedback.undo(number, "bob")
    store.feedback.undo(number, "ada")
    for missing in (number, number + 1, 10**6):
        with pytest.raises(NotStored):
            store.feedback.undo(missing, "ada")
    assert store.feedback.decision(made.id) is None


def test_unsure_after_a_decision_does_not_take_it_back(store: Store):
    made = kept(store)
    store.feedback.record(made.id, "ada", FAKE)
    store.feedback.record(made.id, "bob", Vote(HumanLabel.UNSURE))
    assert store.feedback.decision(made.id).label is HumanLabel.MANIPULATED


def test_vote_on_nothing_is_an_error(store: Store):
    with pytest.raises(NotCaptured):
        store.feedback.record(new_id(), "ada", FAKE)


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("store")
    with Store.open(StoreSettings(folder=folder, audit_share=0), drain=False) as opened:
        yield opened


STEPS = st.lists(st.tuples(st.sampled_from(HumanLabel), st.booleans()), max_size=6)


@given(STEPS)
@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None
)
def test_decision_is_the_newest_vote_that_stands(sqlite_store: Store, steps: list):
    """Each step votes, and undoes the newest vote that was not undone where it says so."""
    made = kept(sqlite_store, picture=new_id())
    standing: list[tuple[int, HumanLabel]] = []
    for label, is_undone in steps:
        number = sqlite_store.feedback.record(made.id, "ada", Vote(label))
        standing.append((number, label))
        if is_undone:
            sqlite_store.feedback.undo(standing.pop()[0], "ada")
    expected = [label for _, label in standing if label is not HumanLabel.UNSURE]
    decision = sqlite_store.feedback.decision(made.id)
    assert (decision.label if decision else None) == (expected[-1] if expected else None)
    assert len(sqlite_store.feedback.history(made.id)) == len(steps) + sum(u for _, u in steps)


def test_decision_is_announced_with_its_captures_and_so_is_its_undoing(
    settings: StoreSettings, clock
):
    settings = settings.model_copy(update={"webhook_url": "https://platform.example/hook"})
    with Store.open(settings, clock=clock, drain=False) as store:
        ids = {kept(store).id, kept(store).id}
        case = store.review.claim("ada")
        store.feedback.undo(store.review.decide(case.id, "ada", FAKE), "ada")
        decided, undone = store.outbox.take()
        assert (decided.event, undone.event) == ("decided", "undone")
        assert (decided.payload["label"], undone.payload["label"]) == ("manipulated", None)
        assert {one["id"] for one in decided.payload["captures"]} == ids
