"""Captures are found by id, key, pixels and filter."""

from datetime import timedelta

import pytest

from assay.errors import IdempotencyConflict, NotCaptured
from assay.records import Label
from assay.store import CaptureFilter, Store
from assay.store.ids import new_id
from tests.captures import START, capture, image, kept, pixels


def test_capture_comes_back_as_it_was_served(store: Store):
    made = kept(
        store,
        reach=2**40,
        caption="Überschwemmung \U0001f30a",
        descriptors={"sharpness": 0.25},
        embedding=[0.5, -1.0],
        timings={"decode": 1.5},
        provenance={"c2pa": {"state": "valid"}},
        latency_ms=12.5,
    )
    assert store.captures.get(made.id) == made


UNKNOWN = "01a2087d-9cd0-730f-8bf6-87c9ad816ec2"
"""An identifier as the store makes them, of no capture."""


@pytest.mark.parametrize(
    "capture_id", ["", "nonsense", "\x00", "\ud800", "../../etc/passwd", UNKNOWN]
)
def test_unknown_capture_is_an_error(store: Store, capture_id: str):
    with pytest.raises(NotCaptured):
        store.captures.get(capture_id)
    with pytest.raises(NotCaptured):
        store.captures.image(capture_id)


def test_same_key_and_body_have_one_id(store: Store):
    first = store.captures.id_for("platform", "key", "body")
    assert store.captures.id_for("platform", "key", "body") == first
    assert store.captures.id_for("another", "key", "body") != first
    assert store.captures.id_for("platform", "other", "body") != first


def test_same_key_with_another_body_is_refused(store: Store):
    store.captures.id_for("platform", "key", "body")
    with pytest.raises(IdempotencyConflict, match="send a new key"):
        store.captures.id_for("platform", "key", "another body")


@pytest.mark.parametrize("is_drained", [False, True])
def test_of_two_answers_under_one_id_the_first_counts(store: Store, is_drained: bool):
    first = store.captures.append(capture(score=0.7), image("harbour"))
    if is_drained:
        store.drainer.drain()
    repeated = capture(id=first.id, score=0.2)
    second = store.captures.append(repeated, image("harbour"), is_keyed=True)
    store.drainer.drain()
    assert store.captures.get(first.id) == first
    assert second == first


def test_newest_capture_of_the_same_pixels_is_found(store: Store):
    kept(store)
    newest = kept(store)
    kept(store, "street")
    assert store.captures.find_pixels(pixels("harbour")) == newest
    assert store.captures.find_pixels(pixels("never seen")) is None


def test_page_goes_from_newest_to_oldest_without_gaps(store: Store):
    made = [store.captures.append(capture(str(n)), b"x").id for n in range(7)]
    store.drainer.drain()
    first = [one.id for one in store.captures.page(limit=4)]
    second = [one.id for one in store.captures.page(before=first[-1], limit=4)]
    assert first + second == sorted(made, reverse=True)


def test_page_shows_what_the_filter_asks_for(store: Store):
    old = kept(store, "old", created_at=START - timedelta(days=2))
    clear = kept(store, "clear", label=Label.AUTHENTIC, needs_review=False)
    other = kept(store, "other", client="another")

    def shown(**wanted: object) -> set[str]:
        return {one.id for one in store.captures.page(CaptureFilter(**wanted))}

    assert shown(label=Label.AUTHENTIC) == {clear.id} == shown(needs_review=False)
    assert shown(client="another") == {other.id} == shown(external_id="post-other")
    assert shown(until=START) == {old.id}
    assert shown(since=START) == {clear.id, other.id}


def test_fingerprints_are_those_since_then_that_can_be_compared(store: Store):
    kept(store, "old", created_at=START - timedelta(days=2), pdq="00" * 32)
    recent = kept(store, "recent", pdq="ff" * 32)
    kept(store, "flat")
    kept(store, "recent", pdq="ff" * 32, answered_from=recent.id)
    kept(store, "hidden", pdq="ff" * 32, keep_image=False)
    assert list(store.captures.fingerprints(START)) == [(recent.id, "ff" * 32)]


def test_several_captures_are_found_at_once_wherever_they_have_got_to(store: Store):
    drained = kept(store)
    spooled = store.captures.append(capture("another"), image("another"))
    found = store.captures.find_all([drained.id, spooled.id, new_id()])
    assert found == {drained.id: drained, spooled.id: spooled}
    assert store.captures.find_all([]) == {}
