"""An announcement is delivered until it is received, and given up in the end."""

import pytest

from assay.errors import NotStored
from assay.store import Store, outbox
from assay.store.ids import new_id


@pytest.fixture
def announced(store: Store) -> Store:
    with store.database.writing() as session:
        now = store.database.now()
        outbox.add(session, "https://platform.example", "decided", {"label": "x"}, now)
    return store


def test_announcement_is_taken_by_one_and_not_again_once_sent(announced: Store, clock):
    (taken,) = announced.outbox.take()
    assert taken.payload == {"label": "x"}
    assert announced.outbox.take() == []
    announced.outbox.sent(taken.id)
    clock.advance(10**6)
    assert announced.outbox.take() == []
    assert announced.outbox.backlog() == 0


def test_announcement_of_a_killed_sender_is_due_again_under_the_same_id(announced: Store, clock):
    (taken,) = announced.outbox.take()
    clock.advance(61)
    assert announced.outbox.take() == [taken]


def test_failed_delivery_waits_twice_as_long_each_time_and_ends(announced: Store, clock):
    pauses = []
    while announced.outbox.backlog():
        (taken,) = announced.outbox.take()
        announced.outbox.failed(taken.id, "503")
        pause = min(10 * 2 ** len(pauses), 6 * 3600)
        clock.advance(pause - 1)
        assert announced.outbox.take() == []
        clock.advance(1)
        pauses.append(pause)
    assert len(pauses) == 12


def test_unknown_announcement_is_an_error(store: Store):
    with pytest.raises(NotStored):
        store.outbox.sent(new_id())
