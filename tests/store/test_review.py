"""The queue hands each case to one moderator, the most urgent first."""

import pytest

from assay.errors import NotCaptured, NotStored, NotYourCase
from assay.store import HumanLabel, Store, Vote
from assay.store.ids import new_id
from tests.captures import Clock, kept

FAKE = Vote(HumanLabel.MANIPULATED, "label", "altered")


def order(store: Store, account: str = "ada") -> list[str]:
    """The pictures of all claimable cases, as they are handed out."""
    pictures = []
    while case := store.review.claim(account):
        pictures.append(case.captures[0].external_id.removeprefix("post-"))
    return pictures


def test_order_is_by_reach_and_uncertainty_and_reports(store: Store):
    kept(store, "plain", score=0.9)
    kept(store, "uncertain", score=0.5)
    kept(store, "viral", score=0.9, reach=10**6)
    reported = kept(store, "reported", score=0.9, reach=10)
    store.reports.add(reported.id, "somebody")
    assert order(store) == ["viral", "reported", "uncertain", "plain"]


def test_place_of_an_audit_says_nothing_of_its_verdict(store: Store):
    kept(store, "unsure", score=0.7)
    store.captures._audit_share = 1.0
    kept(store, "cleared", score=0.01, needs_review=False)
    kept(store, "doubtful", score=0.5)
    store.captures._audit_share = 0.0
    first, second, last = order(store)
    assert {first, second} == {"cleared", "doubtful"}
    assert last == "unsure"


def test_waiting_lifts_a_case_above_more_urgent_ones(store: Store, clock: Clock):
    kept(store, "patient", score=0.9)
    clock.advance(24 * 3600)
    kept(store, "uncertain", score=0.5)
    assert order(store) == ["patient", "uncertain"]


def test_capture_that_nobody_has_to_see_is_not_queued(store: Store):
    kept(store, needs_review=False)
    assert store.review.claim("ada") is None
    assert store.review.backlog() == 0


def test_held_case_is_nobody_elses_until_the_lease_ends(store: Store, clock: Clock):
    kept(store)
    mine = store.review.claim("ada")
    assert store.review.claim("bob") is None
    assert [case.id for case in store.review.held("ada")] == [mine.id]
    clock.advance(601)
    assert store.review.held("ada") == []
    assert store.review.claim("bob").id == mine.id
    with pytest.raises(NotYourCase, match="claim the next one"):
        store.review.decide(mine.id, "ada", FAKE)


def test_vote_after_the_lease_counts_while_nobody_took_the_case(store: Store, clock: Clock):
    made = kept(store)
    case = store.review.claim("ada")
    clock.advance(10_000)
    store.review.decide(case.id, "ada", FAKE)
    assert store.feedback.decision(made.id).who == "ada"


def test_released_case_is_everybodys_and_a_skipped_one_the_others(store: Store):
    kept(store)
    case = store.review.claim("ada")
    store.review.release(case.id, "ada")
    assert store.review.claim("ada").id == case.id
    store.review.skip(case.id, "ada")
    assert store.review.claim("ada") is None
    assert store.review.claim("bob").id == case.id


def test_case_that_is_not_held_cannot_be_decided_released_or_skipped(store: Store):
    kept(store)
    case = store.review.claim("ada")
    for refused in (store.review.release, store.review.skip):
        with pytest.raises(NotYourCase):
            refused(case.id, "bob")
    with pytest.raises(NotYourCase):
        store.review.decide(case.id, "bob", FAKE)
    with pytest.raises(NotStored):
        store.review.decide(new_id(), "ada", FAKE)


def test_pixel_equal_captures_are_one_case_with_their_reach_together(store: Store):
    first, second = kept(store, reach=100), kept(store, reach=23)
    kept(store, "street")
    assert store.review.backlog() == 2
    case = store.review.claim("ada")
    assert [one.id for one in case.captures] == [second.id, first.id]
    assert (case.size, case.reach) == (2, 123)
    store.review.decide(case.id, "ada", FAKE)
    for one in (first, second):
        assert store.feedback.decision(one.id).label is HumanLabel.MANIPULATED


def test_later_capture_of_a_decided_image_inherits_and_is_not_queued(store: Store):
    kept(store)
    store.review.decide(store.review.claim("ada").id, "ada", FAKE)
    later = kept(store)
    assert store.review.backlog() == 0
    assert store.feedback.decision(later.id).label is HumanLabel.MANIPULATED


def test_audit_hides_the_verdict_and_its_vote_is_blind(store: Store):
    store.captures._audit_share = 1.0
    made = kept(store, needs_review=False, score=0.01)
    case = store.review.claim("ada")
    assert case.is_audit
    assert case.reason == "audit"
    store.review.decide(case.id, "ada", FAKE)
    assert store.feedback.decision(made.id).is_blind


def test_second_vote_on_an_audit_is_not_blind(store: Store):
    store.captures._audit_share = 1.0
    made = kept(store, needs_review=False)
    for account, is_blind in (("ada", True), ("ada", False)):
        number = store.review.decide(store.review.claim(account).id, account, FAKE)
        assert store.feedback.decision(made.id).is_blind is is_blind
        store.feedback.undo(number, account)


def test_unsure_leaves_the_case_to_somebody_else(store: Store):
    made = kept(store)
    case = store.review.claim("ada")
    store.review.decide(case.id, "ada", Vote(HumanLabel.UNSURE))
    assert store.feedback.decision(made.id) is None
    assert store.review.claim("ada") is None
    assert store.review.claim("bob").id == case.id


def test_appeal_is_decided_by_another_and_the_first_decision_counts_meanwhile(store: Store):
    made = kept(store)
    store.review.decide(store.review.claim("ada").id, "ada", FAKE)
    store.review.appeal(made.id, "platform", "it is real")
    assert store.feedback.decision(made.id).label is HumanLabel.MANIPULATED
    assert store.review.claim("ada") is None
    with pytest.raises(NotYourCase, match="another moderator"):
        store.feedback.record(made.id, "ada", FAKE)
    again = store.review.claim("bob")
    assert (again.reason, again.appeals) == ("appeal", 1)
    store.review.decide(again.id, "bob", Vote(HumanLabel.AUTHENTIC))
    assert store.feedback.decision(made.id).label is HumanLabel.AUTHENTIC


def test_second_appeal_excludes_both(store: Store):
    made = kept(store)
    for moderator in ("ada", "bob"):
        store.review.decide(store.review.claim(moderator).id, moderator, FAKE)
        store.review.appeal(made.id, "platform", "")
    assert store.review.claim("ada") is store.review.claim("bob") is None
    assert store.review.claim("eve").appeals == 2


def test_appeal_of_a_capture_that_nobody_saw_queues_it(store: Store):
    made = kept(store, needs_review=False)
    store.review.appeal(made.id, "platform", "")
    assert store.review.claim("ada").reason == "appeal"
    with pytest.raises(NotCaptured):
        store.review.appeal(new_id(), "platform", "")
