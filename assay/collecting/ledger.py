"""What was collected, on disk before anything depends on it: cursors, and the state of each image.

An image is written down with all that will be said of it before it is sent, so that a run that was
killed sends the same again under the same key, and the service answers as the first time. What a
post says is kept only until then.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from assay.collectors import Cursor
from assay.errors import StorageError

_TABLES = """
CREATE TABLE IF NOT EXISTS cursors (
    name TEXT PRIMARY KEY, options TEXT NOT NULL, cursor TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    key TEXT PRIMARY KEY, collector TEXT NOT NULL, external_id TEXT NOT NULL, url TEXT NOT NULL,
    post_url TEXT NOT NULL, caption TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    digest TEXT NOT NULL, capture TEXT NOT NULL, seen REAL NOT NULL, changed REAL NOT NULL);
CREATE INDEX IF NOT EXISTS items_by_state ON items (state, collector);
"""
_COLUMNS = "key, external_id, url, post_url, caption, state, reason, digest, capture, seen"


class State(StrEnum):
    """What became of an image."""

    WANTED = "wanted"
    LATER = "later"
    """Its server failed; a later run asks again."""
    REFUSED = "refused"
    HANDED_IN = "handed_in"


@dataclass(frozen=True, slots=True)
class Item:
    """An image of a post on its way to the service."""

    key: str
    """Of idempotency: the platform, the post and the image, hashed."""
    external_id: str
    url: str
    post_url: str = ""
    caption: str = ""
    state: State = State.WANTED
    reason: str = ""
    digest: str = ""
    """Of the bytes that are sent, SHA-256."""
    capture: str = ""
    """What the service calls it."""
    seen: float = 0.0
    """When it was first met, in seconds since 1970."""


def item_key(origin: str, post: str, image: str) -> str:
    """The key of an image: the same whoever collects it, however often."""
    said = "\n".join(part.replace("\n", " ") for part in (origin, post, image))
    return f"collect-{hashlib.sha256(said.encode()).hexdigest()}"


class Ledger:
    """The SQLite file of a state folder; one run at a time writes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """The ledger at ``path``, made if need be; raises `StorageError` where it is none."""
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.executescript(
                f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLES}"
            )
            yield cls(connection)
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"{path}: {error}; restore it, or remove it to begin anew"
            ) from error
        finally:
            connection.close()

    def cursor(self, name: str, options: str) -> Cursor:
        """Where ``name`` stands; the beginning where it never ran, or with other ``options``."""
        found = self._connection.execute(
            "SELECT cursor FROM cursors WHERE name = ? AND options = ?", (name, options)
        ).fetchone()
        return Cursor.model_validate_json(found[0]) if found else Cursor()

    def move(self, name: str, options: str, cursor: Cursor) -> None:
        """Put ``name`` to ``cursor``: all before it has been handled."""
        self._connection.execute(
            "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)",
            (name, options, cursor.model_dump_json()),
        )

    def want(self, collector: str, items: Iterable[Item]) -> list[Item]:
        """Write down those of ``items`` that are new, all or none; they come back.

        One that is known and not yet sent is asked for at its newest address.
        """
        new = []
        with self._together():
            for item in items:
                done = self._connection.execute(
                    f"INSERT OR IGNORE INTO items ({_COLUMNS}, collector, changed) "  # noqa: S608
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*_values(item), collector, time.time()),
                )
                if done.rowcount:
                    new.append(item)
                else:
                    self._connection.execute(
                        "UPDATE items SET url = ? "
                        "WHERE key = ? AND digest = '' AND state IN (?, ?)",
                        (item.url, item.key, State.WANTED, State.LATER),
                    )
        return new

    def left(self, collector: str, later: bool = False) -> list[Item]:
        """What ``collector`` wants and was not handled, in order; with ``later`` what failed."""
        states = (State.WANTED, State.LATER) if later else (State.WANTED, State.WANTED)
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM items "  # noqa: S608 (names of our own)
            "WHERE collector = ? AND state IN (?, ?) ORDER BY rowid",
            (collector, *states),
        )
        return [_item(row) for row in rows]

    def change(self, item: Item) -> None:
        """Write down what became of an item; of one that has ended, no more than is needed."""
        ended = item.state in (State.HANDED_IN, State.REFUSED)
        kept = replace(item, caption="", post_url="") if ended else item
        self._connection.execute(
            "UPDATE items SET post_url = ?, caption = ?, state = ?, reason = ?, digest = ?, "
            "capture = ?, seen = ?, changed = ? WHERE key = ?",
            (*_values(kept)[3:], time.time(), kept.key),
        )

    def digests_wanted(self) -> set[str]:
        """Of images that are here and not yet handed in."""
        rows = self._connection.execute(
            "SELECT digest FROM items WHERE digest != '' AND state = ?", (State.WANTED,)
        )
        return {digest for (digest,) in rows}

    @contextmanager
    def _together(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _values(item: Item) -> tuple[str | float, ...]:
    return (
        *(item.key, item.external_id, item.url, item.post_url, item.caption),
        *(item.state.value, item.reason, item.digest, item.capture, item.seen),
    )


def _item(row: Sequence[str | float]) -> Item:
    key, external_id, url, post_url, caption, state, reason, digest, capture = map(str, row[:-1])
    said = external_id, url, post_url, caption
    return Item(key, *said, State(state), reason, digest, capture, float(row[-1]))
