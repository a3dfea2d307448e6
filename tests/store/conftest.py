"""A store on each of the databases, empty, with a clock that stands still."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa

from assay.store import Store, StoreSettings
from tests import postgresql
from tests.captures import Clock

MEMORY = Path("/dev/shm")
TEMPLATE = "assay_template"
NUMBERS = count()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of tests that wait for a disk are slow."""
    base = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=base) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that has all tables, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    Store.open(StoreSettings(folder=folder), drain=False).close()
    return folder / "store.db"


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Connection]:
    """The administrator of a server with a database that has all tables, to be copied."""
    if reason := postgresql.missing():
        pytest.skip(reason)
    with postgresql.running() as url:
        engine = sa.create_engine(
            sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as admin:
            _run(admin, f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}")
            folder = tmp_path_factory.mktemp("template")
            settings = StoreSettings(folder=folder, database_url=_named(admin, TEMPLATE))
            Store.open(settings, drain=False).close()
            yield admin
        engine.dispose()


@pytest.fixture
def own_postgresql(postgresql_server: sa.Connection) -> Iterator[str]:
    """The URL of a database of a test's own, which holds nothing."""
    name = f"assay_{os.getpid()}_{next(NUMBERS)}"
    _run(postgresql_server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield _named(postgresql_server, name)
    _run(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


def _run(admin: sa.Connection, *statements: str) -> None:
    for statement in statements:
        admin.execute(sa.text(statement))


def _named(admin: sa.Connection, database: str) -> str:
    return admin.engine.url.set(database=database).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    folder, url = tmp_path / "store", ""
    if request.param == "postgresql":
        url = request.getfixturevalue("own_postgresql")
    else:
        folder.mkdir()
        shutil.copy(request.getfixturevalue("sqlite_template"), folder)
    return StoreSettings(folder=folder, database_url=url, audit_share=0.0, busy_timeout=10)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(settings: StoreSettings, clock: Clock) -> Iterator[Store]:
    """Drained only when a test says so."""
    with Store.open(settings, clock=clock, drain=False) as opened:
        yield opened
