"""What is known of each URL, in SQLite: it survives a kill at any moment and takes no memory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.downloading.asking import NO_VALIDATORS, Validators
from assay.downloading.outcomes import Downloaded, Lie, NotDownloaded, Refusal
from assay.durable import make_folder
from assay.errors import StorageError

FILE = "downloads.db"
_TABLE = """
CREATE TABLE IF NOT EXISTS urls (
    url TEXT PRIMARY KEY,
    checked_at REAL NOT NULL,
    attempts INTEGER NOT NULL,
    digest TEXT,
    bytes INTEGER,
    media_type TEXT,
    lies TEXT NOT NULL DEFAULT '',
    etag TEXT NOT NULL DEFAULT '',
    last_modified TEXT NOT NULL DEFAULT '',
    refusal TEXT,
    reason TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID
"""
_COLUMNS = "digest, bytes, media_type, lies, etag, last_modified, refusal, reason"


@dataclass(frozen=True, slots=True)
class Entry:
    """One URL: the image that it gave, if it ever did, and how it was last refused, if it was."""

    url: str
    checked_at: float
    """Seconds since the epoch."""
    attempts: int
    """Requests, all together."""
    image: Downloaded | None = None
    validators: Validators = NO_VALIDATORS
    failure: NotDownloaded | None = None

    @property
    def outcome(self) -> Downloaded | NotDownloaded:
        """The image: one that was kept stays good when its URL dies."""
        found = self.image or self.failure
        if found is None:
            raise StorageError(f"the ledger knows nothing of {self.url}; remove its row")
        return found


class Ledger:
    """The table of URLs in a folder; safe among threads. Raises `StorageError` where it fails."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        with self._told():
            make_folder(folder)
            self._database = sqlite3.connect(
                self._path, timeout=30, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            # A kill loses nothing; a power cut may lose the last rows, which are asked for again.
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(_TABLE)

    def entry(self, url: str) -> Entry | None:
        """What is known of ``url``."""
        query = f"SELECT checked_at, attempts, {_COLUMNS} FROM urls WHERE url = ?"  # noqa: S608
        with self._told():
            row = self._database.execute(query, (url,)).fetchone()
        return None if row is None else _entry(url, *row)

    def record(self, entry: Entry) -> None:
        """Keep ``entry`` in place of what was known; it survives a kill when this returns."""
        image, failure = entry.image, entry.failure
        values = (
            *(entry.url, entry.checked_at, entry.attempts),
            *((image.digest, image.bytes, image.media_type) if image else (None, None, None)),
            " ".join(image.lies) if image else "",
            *(entry.validators.etag, entry.validators.last_modified),
            *((failure.refusal, failure.reason) if failure else (None, "")),
        )
        places = ", ".join("?" * len(values))
        with self._told():
            self._database.execute(
                f"INSERT OR REPLACE INTO urls (url, checked_at, attempts, {_COLUMNS}) "  # noqa: S608
                f"VALUES ({places})",
                values,
            )

    def counts(self) -> dict[str, int]:
        """How many URLs there are of each outcome, the most frequent first."""
        query = (
            "SELECT CASE WHEN digest IS NULL THEN refusal ELSE 'downloaded' END AS outcome, "
            "count(*) FROM urls GROUP BY outcome ORDER BY count(*) DESC, outcome"
        )
        with self._told():
            return dict(self._database.execute(query).fetchall())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"{self._path}: {error}; see that its disk has room, or remove it to begin anew"
            ) from error


def _entry(
    url: str,
    checked_at: float,
    attempts: int,
    digest: str | None,
    size: int,
    media_type: str,
    lies: str,
    etag: str,
    last_modified: str,
    refusal: str | None,
    reason: str,
) -> Entry:
    told = tuple(Lie(lie) for lie in lies.split())
    image = None if digest is None else Downloaded(url, digest, size, media_type, told)
    failure = None if refusal is None else NotDownloaded(url, Refusal(refusal), reason)
    return Entry(url, checked_at, attempts, image, Validators(etag, last_modified), failure)
