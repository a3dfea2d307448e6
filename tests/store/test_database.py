"""Two dialects, one set of tables."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from assay.errors import ConfigError, StorageError
from assay.store import Store, StoreSettings
from assay.store.account_tables import AccountRow
from assay.store.columns import Base, UtcDateTime
from assay.store.database import Database, insert_new
from assay.store.ids import new_id


def test_migrations_lead_to_the_tables_that_the_code_describes(store: Store):
    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_several_processes_may_open_a_new_store_at_once(settings: StoreSettings):
    _make_empty(settings)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: Store.open(settings, drain=False), range(4)))
    for one in stores:
        assert one.is_ready()
        assert one.audit.verify() is None
        one.close()


def _make_empty(settings: StoreSettings) -> None:
    database = Database(settings)
    with database.engine.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
    tables.drop_all(database.engine)
    database.close()


def test_tables_of_a_newer_release_are_refused(settings: StoreSettings):
    database = Database(settings)
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StorageError, match=r"9999.*needs a newer release"):
        Store.open(settings)


def test_sqlite_waits_writes_ahead_and_keeps_references(tmp_path: Path):
    database = Database(StoreSettings(folder=tmp_path, busy_timeout=7))
    with database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 7000,
    }


@pytest.mark.parametrize("url", ["mysql://db/x?password=hunter2", "hunter2"])
def test_wrong_url_is_refused_without_its_password(tmp_path: Path, url: str):
    with pytest.raises(ConfigError, match="ASSAY_DATABASE_URL") as caught:
        Store.open(StoreSettings(folder=tmp_path, database_url=url))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(StoreSettings(folder=tmp_path, database_url=url))


def test_failed_transaction_changes_nothing(store: Store):
    bump = sa.text("UPDATE audit_head SET number = number + :step")
    with pytest.raises(IntegrityError), store.database.writing() as session:
        session.execute(bump, [{"step": 7}, {"step": None}])
    assert store.audit.head()[0] == 0


def test_insertion_says_whether_a_row_was_there(store: Store):
    row = {"name": "Ada", "role": "viewer", "created_at": store.database.now()}
    told = []
    for account_id in (new_id(), new_id()):
        with store.database.writing() as session:
            told.append(insert_new(session, AccountRow, {"id": account_id, **row}, key="name"))
    assert told == [True, False]


def test_moment_is_kept_in_utc_and_a_naive_one_refused():
    east = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    dialect = sa.create_engine("sqlite://").dialect
    bound = UtcDateTime().process_bind_param(east, dialect)
    assert bound.isoformat() == "2026-01-01T07:00:00+00:00"
    assert UtcDateTime().process_result_value(bound.replace(tzinfo=None), dialect) == east
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), dialect)  # noqa: DTZ001
