"""The audit log shows when the past was changed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from assay.store import Store


@pytest.fixture
def logged(store: Store) -> Store:
    for number in range(5):
        store.audit.record("ada", "look", f"case-{number}", share=0.5, names=["ä\x00"])
    store.audit.record("eve\x00\ud800", "look", "case-5")
    return store


def change(store: Store, statement: str) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(sa.text(statement))


def test_untouched_log_is_whole_and_in_order(logged: Store):
    assert logged.audit.verify() is None
    entries = list(logged.audit.entries())
    assert [entry.subject for entry in entries] == [f"case-{n}" for n in range(6)]
    assert (entries[-1].number, entries[-1].hash) == logged.audit.head()
    assert list(logged.audit.entries(after=3)) == entries[3:]


def test_empty_log_is_whole(store: Store):
    assert store.audit.verify() is None


@pytest.mark.parametrize(
    ("statement", "first_wrong"),
    [
        ("UPDATE audit_log SET actor = 'bob' WHERE number = 3", 3),
        ("UPDATE audit_log SET details = '{}' WHERE number = 2", 2),
        ("UPDATE audit_log SET hash = 'x' WHERE number = 4", 4),
        ("DELETE FROM audit_log WHERE number = 1", 1),
        ("DELETE FROM audit_log WHERE number = 3", 3),
        ("DELETE FROM audit_log WHERE number = 6", 6),
        ("DELETE FROM audit_log", 1),
    ],
)
def test_change_of_the_past_is_found(logged: Store, statement: str, first_wrong: int):
    change(logged, statement)
    assert logged.audit.verify() == first_wrong


def test_writers_at_once_make_one_chain(store: Store):
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda n: store.audit.record("ada", "look", str(n)), range(24)):
            pass
    assert store.audit.verify() is None
    assert store.audit.head()[0] == 24


def test_log_is_read_in_pages(logged: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("assay.store.audit._PAGE", 2)
    assert [entry.number for entry in logged.audit.entries()] == [1, 2, 3, 4, 5, 6]


def test_action_that_fails_leaves_no_entry(store: Store):
    with pytest.raises(TypeError, match="JSON"):
        store.audit.record("ada", "look", "x", moment={1})
    assert store.audit.head()[0] == 0
