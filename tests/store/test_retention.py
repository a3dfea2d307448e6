"""What is deleted is gone, and nothing else is."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay.errors import NotCaptured, NotStored
from assay.store import HumanLabel, Store, StoreSettings, Vote
from assay.store.tables import RemovalRow
from tests.captures import START, capture, image, kept, pixels

PRIVATE = {"caption": "my daughter", "post_url": "https://example.org/private"}


def files(settings: StoreSettings) -> list[Path]:
    return [path for path in (settings.folder / "images").rglob("*") if path.is_file()]


@pytest.mark.parametrize("is_drained", [False, True])
def test_deleted_capture_says_nothing_any_more(
    store: Store, settings: StoreSettings, is_drained: bool
):
    made = store.captures.append(capture(**PRIVATE, rationale="her face"), image("harbour"))
    if is_drained:
        store.drainer.drain()
    store.retention.delete(made.id, "admin")
    with pytest.raises(NotCaptured, match="deleted"):
        store.captures.get(made.id)
    left = store.captures.find(made.id)
    assert left.label == made.label
    dumped = left.model_dump_json()
    for private in (
        *PRIVATE.values(),
        "her face",
        "post-harbour",
        made.image_digest,
        pixels("harbour"),
    ):
        assert private not in dumped
    assert files(settings) == []
    assert store.spool.pending() == []


def test_deletion_is_in_the_audit_log(store: Store):
    made = kept(store, **PRIVATE)
    store.retention.delete(made.id, "admin")
    entry = list(store.audit.entries())[-1]
    assert (entry.actor, entry.action, entry.subject) == ("admin", "capture.delete", made.id)


def test_image_goes_with_the_last_capture_that_holds_it(store: Store, settings: StoreSettings):
    first, second = kept(store), kept(store)
    store.retention.delete(first.id, "admin")
    assert store.captures.image(second.id) == image("harbour")
    store.retention.delete(second.id, "admin")
    assert files(settings) == []


def test_image_that_comes_again_after_its_deletion_is_kept(store: Store):
    store.retention.delete(kept(store).id, "admin")
    again = kept(store)
    store.retention.tidy()
    assert store.captures.image(again.id) == image("harbour")


def test_second_deletion_is_an_error(store: Store):
    made = kept(store)
    store.retention.delete(made.id, "admin")
    with pytest.raises(NotCaptured):
        store.retention.delete(made.id, "admin")


def test_case_of_a_deleted_capture_leaves_the_queue(store: Store):
    first, second = kept(store, reach=100), kept(store, reach=20)
    store.retention.delete(first.id, "admin")
    case = store.review.claim("ada")
    assert (case.size, case.reach) == (1, 20)
    store.review.release(case.id, "ada")
    store.retention.delete(second.id, "admin")
    assert store.review.claim("ada") is None


def test_decision_outlives_one_of_its_captures(store: Store):
    first, second = kept(store), kept(store)
    vote = store.feedback.record(
        first.id, "ada", Vote(HumanLabel.AUTHENTIC, note="a friend of mine")
    )
    store.retention.delete(first.id, "admin")
    assert store.feedback.decision(second.id).label is HumanLabel.AUTHENTIC
    assert [row.note for row in store.feedback.history(second.id)] == [""]
    assert store.feedback.decision(first.id) is None
    store.retention.delete(second.id, "admin")
    with pytest.raises(NotStored, match="deleted"):
        store.feedback.undo(vote, "ada")


def test_deleting_by_age_takes_the_old_and_leaves_the_new(
    store: Store, settings: StoreSettings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("assay.store.retention._PAGE", 2)
    old = [
        store.captures.append(capture(str(n), created_at=START - timedelta(days=40)), image(str(n)))
        for n in range(5)
    ]
    new = store.captures.append(capture("new"), image("new"))
    assert store.retention.delete_before(START - timedelta(days=30), "retention") == 5
    assert store.retention.delete_before(START - timedelta(days=30), "retention") == 0
    assert all(store.captures.find(one.id).deleted_at for one in old)
    assert [path.read_bytes() for path in files(settings)] == [image("new")]
    assert store.captures.get(new.id) == new


def test_file_that_cannot_be_removed_now_is_removed_later(
    store: Store, settings: StoreSettings, caplog: pytest.LogCaptureFixture
):
    made = kept(store)
    (path,) = files(settings)
    moved = path.rename(settings.folder / "aside")
    path.mkdir()  # no file system removes a folder as a file
    with caplog.at_level(logging.WARNING):
        store.retention.delete(made.id, "admin")
    assert "later" in caplog.text
    path.rmdir()
    moved.rename(path)
    store.retention.tidy()
    assert files(settings) == []
    with store.database.reading() as session:
        assert session.scalars(sa.select(RemovalRow)).all() == []


def test_idempotency_key_is_forgotten_in_time_and_with_its_capture(store: Store, clock):
    first = store.captures.id_for("platform", "key", "body")
    clock.advance(24 * 3600 - 1)
    store.retention.tidy()
    assert store.captures.id_for("platform", "key", "body") == first
    clock.advance(2)
    store.retention.tidy()
    second = store.captures.id_for("platform", "key", "another body")
    assert second != first
    kept(store, id=second)
    store.retention.delete(second, "admin")
    assert store.captures.id_for("platform", "key", "body") != second
