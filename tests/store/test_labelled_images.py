"""What people judged, as it is read to learn from."""

from datetime import timedelta

from assay.store import HumanLabel, LabelledImage, Store, Vote
from tests.captures import START, Clock, kept

SPAN = START, START + timedelta(days=1)
FAKE, REAL = Vote(HumanLabel.MANIPULATED), Vote(HumanLabel.AUTHENTIC)


def found(store: Store) -> list[LabelledImage]:
    return list(store.labelled_images.between(*SPAN))


def test_images_without_a_vote_are_none(store: Store):
    kept(store)
    kept(store, "lagoon")
    store.feedback.record(kept(store, "unclear").id, "ada", Vote(HumanLabel.UNSURE))
    assert found(store) == []


def test_pixel_equal_captures_stand_together(store: Store):
    first, second = kept(store, client="a"), kept(store, client="b")
    store.feedback.record(second.id, "ada", FAKE)
    (one,) = found(store)
    assert [capture.id for capture in one.captures] == [first.id, second.id]
    assert [capture.client for capture in one.captures] == ["a", "b"]
    assert [(vote.who, vote.label) for vote in one.votes] == [("ada", "manipulated")]
    assert not one.is_open


def test_captures_after_the_span_and_deleted_ones_are_left_out(store: Store):
    before = kept(store, created_at=START - timedelta(seconds=1))
    inside = kept(store)
    kept(store, created_at=SPAN[1])
    gone = kept(store)
    store.feedback.record(inside.id, "ada", FAKE)
    store.retention.delete(gone.id, "admin")
    (one,) = found(store)
    assert {capture.id for capture in one.captures} == {before.id, inside.id}


def test_vote_that_comes_late_brings_the_older_image(store: Store, clock: Clock):
    """A model that learned until some moment is not to miss what was judged after it."""
    late = kept(store, created_at=START - timedelta(days=9))
    settled = kept(store, "lagoon", created_at=START - timedelta(days=9))
    clock.advance(-3600)
    store.feedback.record(settled.id, "ada", FAKE)
    clock.advance(3600)
    assert found(store) == []
    store.feedback.record(late.id, "ada", FAKE)
    assert [[capture.id for capture in one.captures] for one in found(store)] == [[late.id]]
    assert list(store.labelled_images.between(SPAN[1], SPAN[1] + timedelta(days=1))) == []


def test_undone_votes_do_not_stand(store: Store):
    made = kept(store)
    number = store.feedback.record(made.id, "ada", FAKE)
    store.feedback.record(made.id, "bob", REAL)
    store.feedback.undo(number, "ada")
    (one,) = found(store)
    assert ([vote.who for vote in one.votes], one.is_open) == (["bob"], True)


def test_appeal_says_since_when_votes_count(store: Store, clock: Clock):
    made = kept(store)
    store.feedback.record(made.id, "ada", FAKE)
    clock.advance(60)
    store.review.appeal(made.id, "platform", "")
    (one,) = found(store)
    assert (one.is_open, one.opened_again_at) == (True, clock.now)


def test_image_that_is_not_kept_is_known_as_such(store: Store):
    made = kept(store, keep_image=False)
    store.feedback.record(made.id, "ada", FAKE)
    assert [capture.is_kept for capture in found(store)[0].captures] == [False]


def test_pages_follow_one_another(store: Store, monkeypatch):
    monkeypatch.setattr("assay.store.labelled_images._PAGE", 2)
    for number in range(5):
        store.feedback.record(kept(store, f"picture {number}").id, "ada", FAKE)
    digests = [one.pixel_digest for one in found(store)]
    assert digests == sorted(set(digests))
    assert len(digests) == 5


def test_dispute_opens_a_case_for_somebody_else(store: Store):
    made = kept(store)
    store.feedback.record(made.id, "ada", FAKE)
    store.feedback.record(made.id, "bob", REAL)
    labels = {"ada": "manipulated", "bob": "authentic"}
    assert store.review.dispute(made.id, "intake", labels)
    assert not store.review.dispute(made.id, "intake", labels)
    assert store.review.claim("ada") is store.review.claim("bob") is None
    assert store.review.claim("cleo").reason == "conflict"
    entries = [entry for entry in store.audit.entries() if entry.action == "label.conflict"]
    assert [(entry.subject, entry.details) for entry in entries] == [(made.id, {"labels": labels})]
