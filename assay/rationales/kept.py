"""Answers that were paid for, in one file: whoever asks the same again is answered from here.

An answer is kept before it is judged, under a hash of the image, of the teacher, of the version of
the instructions and of all that was said. So a run that was killed anywhere goes on where it was,
and a rejected answer is not paid for twice either.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from threading import Lock
from typing import Self

from assay.errors import StorageError
from assay.rationales.instructions import PROMPT_VERSION
from assay.teachers.asked import Reply, Request

FILE = "answers.sqlite"
_SECONDS = 30.0
"""How long one process waits for another that writes."""
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, image TEXT NOT NULL, teacher TEXT NOT NULL, prompt_version TEXT NOT NULL,
  text TEXT NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
  answered_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)"""
_INSERT = """
INSERT OR IGNORE INTO answers (key, image, teacher, prompt_version, text, tokens_in, tokens_out)
VALUES (?, ?, ?, ?, ?, ?, ?)"""


class KeptAnswers:
    """The answers below a folder; safe among threads and processes.

    Raises `StorageError` where the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        self._path = folder / FILE
        try:
            self._database = sqlite3.connect(
                self._path, timeout=_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(_TABLE)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def find(self, key: str) -> Reply | None:
        """What was answered under ``key``, if it was."""
        query = "SELECT text, tokens_in, tokens_out FROM answers WHERE key = ?"
        try:
            with self._lock:
                row = self._database.execute(query, (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return Reply(*row) if row else None

    def keep(self, key: str, image: str, teacher: str, reply: Reply) -> None:
        """Write an answer down; it is on disk when this returns."""
        row = key, image, teacher, PROMPT_VERSION, reply.text, reply.tokens_in, reply.tokens_out
        try:
            with self._lock:
                self._database.execute(_INSERT, row)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _failed(self, error: sqlite3.Error) -> StorageError:
        return StorageError(f"{self._path}: {error}; free space, or move the file away")


def key(image: str, teacher: str, request: Request) -> str:
    """The name of an answer; ``image`` is the SHA-256 of the stored image's bytes."""
    said = request.instructions, request.text
    parts = (image, teacher, PROMPT_VERSION, *said)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
