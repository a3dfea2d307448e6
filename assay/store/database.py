"""One database behind two dialects: connections, transactions, and the way to the newest tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from assay.errors import ConfigError, StoreUnavailable
from assay.store.columns import Base, utc_now
from assay.store.settings import DATABASE_VARIABLE, StoreSettings

Clock = Callable[[], datetime]

_AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout)


class Database:
    """Reading and writing transactions on SQLite or PostgreSQL."""

    def __init__(self, settings: StoreSettings, clock: Clock = utc_now) -> None:
        self.now = clock
        self.engine = _engine(settings)
        self._writing = self.engine.execution_options(immediate=True)
        self._sessions = sessionmaker(self._writing, expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads; raises `StoreUnavailable` when nobody answers."""
        with _translated(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is committed at the end; raises `StoreUnavailable` as `reading`.

        On SQLite it takes the one writer's lock at once (``BEGIN IMMEDIATE``): what it reads is
        what it changes, and nobody comes between.
        """
        with _translated(), self._sessions.begin() as session:
            yield session

    def migrate(self) -> None:
        """Bring the tables to the newest revision; several processes may ask at once."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with _translated(), self._writing.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0xA55A1})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def insert_new(
    session: Session, table: type[Base], values: Mapping[str, Any], key: str = ""
) -> bool:
    """Insert a row unless one with an equal ``key`` is there; whether it was inserted.

    The key is a unique column, or the primary key; another conflict is an error as ever.
    """
    columns = [key] if key else [column.name for column in sa.inspect(table).primary_key]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    # Values beside the statement, not within it: so it is compiled once.
    insert = dialect.insert(sa.inspect(table).local_table)
    result = session.execute(insert.on_conflict_do_nothing(index_elements=columns), values)
    return bool(result.rowcount)  # type: ignore[attr-defined]  # a cursor's, for an insert


def _engine(settings: StoreSettings) -> sa.Engine:
    if settings.database_url:
        return _server_engine(settings)
    settings.folder.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(settings.folder / "store.db")),
        connect_args={"timeout": settings.busy_timeout},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _server_engine(settings: StoreSettings) -> sa.Engine:
    try:
        url = sa.make_url(settings.database_url)
    except sa.exc.ArgumentError as error:  # whose own message would show the password
        raise ConfigError(f"{DATABASE_VARIABLE} is no database URL") from error
    if url.get_backend_name() != "postgresql":
        raise ConfigError(f"{DATABASE_VARIABLE} names {url.drivername}; use postgresql://")
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_timeout=settings.busy_timeout,
        connect_args={"connect_timeout": max(2, round(settings.busy_timeout))},
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own way of beginning transactions is too late for BEGIN IMMEDIATE.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: the spool forgets a capture once it is committed, so that must survive a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _AWAY as error:
        raise StoreUnavailable(_remedy(error)) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise StoreUnavailable(_remedy(error)) from error


def _remedy(error: Exception) -> str:
    cause = str(getattr(error, "orig", error)).strip().partition("\n")[0]
    return f"the database does not answer ({cause}); try again, and check {DATABASE_VARIABLE}"
