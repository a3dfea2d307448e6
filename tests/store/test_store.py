"""A store opens without its database, takes captures, and catches up once the database is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assay.errors import StoreUnavailable
from assay.store import CaptureFilter, Role, Scope, Store, StoreSettings
from assay.store.ids import new_id
from tests import postgresql
from tests.captures import capture, eventually, image

NEEDS_THE_DATABASE: dict[str, Callable[[Store], object]] = {
    "accounts": lambda store: store.accounts.ensure("ada", Role.ADMIN, "x"),
    "audit": lambda store: store.audit.head(),
    "captures": lambda store: store.captures.page(CaptureFilter()),
    "idempotency": lambda store: store.captures.id_for("platform", "key", "body"),
    "jobs": lambda store: store.jobs.claim("worker"),
    "keys": lambda store: store.keys.create("platform", {Scope.READ}, "x"),
    "pixels": lambda store: store.captures.find_pixels("never seen"),
    "review": lambda store: store.review.claim("ada"),
    "unknown": lambda store: store.captures.get(new_id()),
}


@pytest.fixture
def server() -> Iterator[postgresql.Server]:
    """A server that does not run yet."""
    if reason := postgresql.missing():
        pytest.skip(reason)
    with postgresql.stopped() as made:
        yield made


@pytest.fixture
def away(tmp_path: Path) -> StoreSettings:
    """A database that never answers."""
    url = f"postgresql://postgres@/postgres?host={tmp_path}"
    return StoreSettings(folder=tmp_path / "store", database_url=url, busy_timeout=2)


def test_store_opens_before_its_database_and_outlives_its_fall(
    server: postgresql.Server, tmp_path: Path
):
    settings = StoreSettings(folder=tmp_path, database_url=server.url, busy_timeout=2)
    with Store.open(settings) as store:
        early = store.captures.append(capture("early"), image("early"))
        assert not store.is_ready()
        assert store.captures.get(early.id) == early
        server.start()
        assert eventually(store.is_ready)
        assert eventually(lambda: not store.spool.pending())
        server.stop()
        assert eventually(lambda: not store.is_ready())
        late = store.captures.append(capture("late"), image("late"))
        assert store.captures.image(late.id) == image("late")
        server.start()
        assert eventually(lambda: not store.spool.pending())
        store.check()
        assert {one.id for one in store.captures.page()} == {early.id, late.id}
        assert store.captures.image(early.id) == image("early")


def test_patience_waits_for_the_database(server: postgresql.Server, tmp_path: Path):
    settings = StoreSettings(folder=tmp_path, database_url=server.url, busy_timeout=2)
    starting = threading.Timer(0.3, server.start)
    starting.start()
    with Store.open(settings, drain=False, patience=30) as store:
        store.check()
    starting.join()


def test_patience_ends_with_a_warning(away: StoreSettings, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING), Store.open(away, drain=False, patience=0.3) as store:
        assert not store.is_ready()
    assert caplog.text.count("check ASSAY_DATABASE_URL") == 1


@pytest.mark.parametrize("name", NEEDS_THE_DATABASE)
def test_what_needs_the_database_says_so_until_it_is_there(away: StoreSettings, name: str):
    with Store.open(away, drain=False) as store:
        with pytest.raises(StoreUnavailable, match="check ASSAY_DATABASE_URL"):
            NEEDS_THE_DATABASE[name](store)
        with pytest.raises(StoreUnavailable):
            store.check()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.drainer.drain()


def test_open_store_with_its_database_is_ready(store: Store):
    store.check()
    assert store.is_ready()
