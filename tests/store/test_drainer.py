"""The drainer moves each capture once, in order, and waits while it cannot."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay.errors import StoreUnavailable
from assay.store import Store, StoreSettings
from assay.store.tables import CaptureRow, CaseRow
from tests.captures import Clock, capture, eventually, image, kept


def spooled(store: Store, picture: str, **changes: object):
    return store.captures.append(capture(picture, **changes), image(picture))


def ids_in_database(store: Store) -> list[str]:
    with store.database.reading() as session:
        return sorted(session.scalars(sa.select(CaptureRow.id)))


def test_capture_is_readable_before_and_after_it_is_drained(store: Store):
    made = spooled(store, "harbour")
    for _ in range(2):
        assert store.captures.get(made.id) == made
        assert store.captures.image(made.id) == image("harbour")
        assert store.captures.find_pixels(made.pixel_digest) == made
        store.drainer.drain()
    assert store.spool.pending() == []


def test_drain_moves_everything_in_batches(store: Store):
    made = [spooled(store, str(n)) for n in range(70)]
    assert store.drainer.drain() == 70
    assert ids_in_database(store) == sorted(one.id for one in made)
    assert store.review.backlog() == 70


def test_entry_that_a_kill_left_after_the_commit_changes_nothing(store: Store):
    made = kept(store, "harbour", reach=10)
    store.spool.append(made, image("harbour"))
    store.drainer.drain()
    assert ids_in_database(store) == [made.id]
    with store.database.reading() as session:
        assert session.scalars(sa.select(CaseRow)).one().reach == 10
    assert store.spool.pending() == []


def test_image_that_was_deleted_does_not_come_back_from_a_leftover(
    store: Store, settings: StoreSettings
):
    made = kept(store)
    store.retention.delete(made.id, "admin")
    store.spool.append(made, image("harbour"))
    store.drainer.drain()
    assert [p for p in (settings.folder / "images").rglob("*") if p.is_file()] == []


def test_one_image_is_written_once_for_all_its_captures(store: Store, settings: StoreSettings):
    made = [spooled(store, "harbour") for _ in range(3)]
    store.drainer.drain()
    made.append(kept(store, "harbour"))
    files = [p for p in (settings.folder / "images").rglob("*") if p.is_file()]
    assert [p.read_bytes() for p in files] == [image("harbour")]
    assert {store.captures.image(one.id) for one in made} == {image("harbour")}


def test_image_of_a_client_who_opted_out_is_nowhere(store: Store, settings: StoreSettings):
    made = spooled(store, "harbour", keep_image=False)
    assert store.captures.image(made.id) is None
    store.drainer.drain()
    assert store.captures.image(made.id) is None
    assert store.captures.get(made.id).image_digest
    written = (p for p in settings.folder.rglob("*") if p.is_file())
    assert not any(image("harbour") in p.read_bytes() for p in written)


def test_damaged_entry_is_set_aside_and_holds_up_nobody(
    store: Store, settings: StoreSettings, caplog: pytest.LogCaptureFixture
):
    bad, good = spooled(store, "bad"), spooled(store, "good")
    path = settings.folder / "spool" / f"{bad.id}.capture"
    path.write_bytes(path.read_bytes()[:-1])
    with caplog.at_level(logging.ERROR):
        assert store.drainer.drain() == 1
    assert bad.id in caplog.text
    assert (path.parent / "damaged" / path.name).exists()
    assert ids_in_database(store) == [good.id]


def test_row_that_the_database_refuses_is_set_aside_in_the_end(
    store: Store, settings: StoreSettings
):
    with store.database.engine.begin() as connection:
        connection.execute(sa.text("CREATE UNIQUE INDEX one ON captures (external_id)"))
    first, bad = (spooled(store, "harbour") for _ in range(2))
    last = spooled(store, "street")
    assert [store.drainer.drain() for _ in range(3)] == [2, 0, 0]
    assert ids_in_database(store) == [first.id, last.id]
    damaged = settings.folder / "spool" / "damaged"
    assert [path.stem for path in damaged.iterdir()] == [bad.id]


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Store]:
    """A store that does not wait long for another writer."""
    with Store.open(StoreSettings(folder=tmp_path, busy_timeout=0.05), drain=False) as opened:
        yield opened


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Another writer at work, for as long as it likes."""
    with store.database.writing() as session:
        session.execute(sa.text("SELECT 1"))  # a session begins with its first statement
        yield


def test_captures_wait_in_the_spool_while_the_database_is_locked(hasty: Store):
    made = spooled(hasty, "harbour")
    with locked(hasty):
        with pytest.raises(StoreUnavailable, match="locked"):
            hasty.drainer.drain()
        assert hasty.captures.get(made.id) == made
    assert hasty.drainer.drain() == 1


def test_thread_drains_again_once_the_database_is_back(
    hasty: Store, caplog: pytest.LogCaptureFixture
):
    made = spooled(hasty, "harbour")
    with locked(hasty), caplog.at_level(logging.WARNING):
        hasty.drainer.start()
        assert eventually(lambda: "stay in the spool" in caplog.text)
        assert hasty.spool.pending() == [made.id]
    assert eventually(lambda: not hasty.spool.pending())
    assert hasty.drainer.is_alive
    assert ids_in_database(hasty) == [made.id]


def test_settle_moves_only_the_capture_that_is_wanted(store: Store):
    first, second = spooled(store, "first"), spooled(store, "second")
    store.drainer.settle(second.id)
    assert ids_in_database(store) == [second.id]
    assert store.spool.pending() == [first.id]


def test_close_leaves_the_rest_safe(settings: StoreSettings, clock: Clock):
    with Store.open(settings, clock=clock, drain=False) as store:
        made = spooled(store, "harbour")
    with Store.open(settings, clock=clock, drain=False) as again:
        assert again.captures.get(made.id) == made
