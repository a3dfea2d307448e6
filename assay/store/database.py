"""One database behind two dialects: connections, transactions, and the way to the newest tables."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from assay.errors import ConfigError, StorageError, StoreUnavailable
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
        self._is_current, self._migrating = False, threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads.

        Raises `StoreUnavailable` when nobody answers, and until `migrate` has found the database.
        """
        self._require_tables()
        with _translated(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is committed at the end; raises `StoreUnavailable` as `reading`.

        On SQLite it takes the one writer's lock at once (``BEGIN IMMEDIATE``): what it reads is
        what it changes, and nobody comes between.
        """
        self._require_tables()
        with _translated(), self._sessions.begin() as session:
            yield session

    def check(self) -> None:
        """Ask the database for an answer; raises `StoreUnavailable` as `reading` does."""
        with self.reading() as session:
            session.execute(sa.select(1))

    def prepare(self) -> None:
        """`migrate`, unless this process has done so."""
        with self._migrating:
            if not self._is_current:
                self.migrate()

    def migrate(self) -> None:
        """Bring the tables to the newest revision; several processes may ask at once.

        Raises `StoreUnavailable` when nobody answers, `StorageError` for tables that a newer
        release has made.
        """
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with _translated(), self._writing.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0xA55A1})
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:  # a revision that this release does not know
                raise StorageError(f"{error}; the database needs a newer release") from error
        self._is_current = True

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def _require_tables(self) -> None:
        if not self._is_current:
            raise StoreUnavailable(
                f"the database has not answered yet; try again, and check {DATABASE_VARIABLE}"
            )


def insert_new(
    session: Session, table: type[Base], values: Mapping[str, Any], key: str = ""
) -> bool:
    """Insert a row unless one with an equal ``key`` is there; whether it was inserted.

    The key is a unique column, or the primary key; another conflict is an error as ever.
    """
    columns = [key] if key else [column.name for column in sa.inspect(table).primary_key]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(sa.inspect(table).local_table)
    statement = insert.on_conflict_do_nothing(index_elements=columns)
    # psycopg forgets the count with the cursor, which is closed before anybody can ask for it.
    options = {"preserve_rowcount": True}
    result = session.execute(statement, values, execution_options=options)
    return bool(result.rowcount)  # type: ignore[attr-defined]  # a cursor's, for an insert


def insert_all_new(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of ``rows`` whose primary key is not there; another conflict is an error."""
    columns = [column.name for column in sa.inspect(table).primary_key]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(sa.inspect(table).local_table)
    if rows:
        session.execute(insert.on_conflict_do_nothing(index_elements=columns), list(rows))


def _engine(settings: StoreSettings) -> sa.Engine:
    # Parameters are hidden, as errors go to logs and captions do not.
    if settings.database_url:
        return _server_engine(settings)
    settings.folder.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(settings.folder / "store.db")),
        connect_args={"timeout": settings.busy_timeout},
        hide_parameters=True,
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
        hide_parameters=True,
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
