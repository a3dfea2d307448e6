"""Moves spooled captures into database and image store: in order, once, however often it is cut.

An entry leaves the spool after the commit that stored it. A kill in between means that it is
stored again, which changes nothing: rows are inserted where there is none of that identifier.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.orm import Session

from assay.errors import StorageError
from assay.store import queue, sibling_links
from assay.store.database import Database, insert_new
from assay.store.image_files import ImageFiles
from assay.store.spool import Entry, Spool
from assay.store.tables import CaptureRow, ImageRow, RemovalRow

logger = logging.getLogger(__name__)

BATCH = 32
"""Captures in one transaction: a commit costs about as much as storing ten."""
_BATCH_BYTES = 64 * 2**20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_IDLE = 1.0
"""Seconds between looks at the spool where nobody calls: another process may have written."""
_ATTEMPTS = 3
_IMAGES_AT_ONCE = 8


class Drainer:
    """Empties the spool, on a thread of its own or when asked."""

    def __init__(self, spool: Spool, database: Database, images: ImageFiles) -> None:
        self._spool, self._database, self._images = spool, database, images
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._refused: dict[str, int] = {}

    def start(self) -> None:
        """Drain from now on, until `stop`."""
        self._thread = threading.Thread(target=self._run, name="store-drainer", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs; what `start` began only ends by `stop`, or by a defect."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Say that there is something to drain."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after its present batch; what is left stays safe in the spool."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def drain(self) -> int:
        """Store all that is spooled, oldest first; how many captures were moved.

        The first time that the database answers, its tables are brought up to date. Raises
        `StorageError` as soon as database or image store does not take one.
        """
        self._database.prepare()
        moved = 0
        for ids in _batches(self._spool.pending()):
            with self._spool.draining():
                moved += self._drain(ids)
            if self._stop.is_set():
                break
        return moved

    def settle(self, capture_id: str) -> None:
        """Store this one capture now, if it is spooled; raises as `drain`."""
        if self._spool.find(capture_id) is not None:
            with self._spool.draining():
                self._drain([capture_id])

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.drain()
            except (StorageError, SQLAlchemyError, OSError) as error:
                logger.warning("captures stay in the spool for %.1f s: %s", pause, error)
                self._stop.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - not a secret
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE
                self._wake.wait(_IDLE)

    def _drain(self, ids: Sequence[str]) -> int:
        """Move the entries ``ids`` in transactions of bounded size; how many were moved."""
        moved, entries, size = 0, list[Entry](), 0
        for capture_id in ids:
            if (entry := self._whole(capture_id)) is None:
                continue
            entries.append(entry)
            size += len(entry.image)
            if size > _BATCH_BYTES:
                moved, entries, size = moved + self._move(entries), [], 0
        return moved + self._move(entries)

    def _whole(self, capture_id: str) -> Entry | None:
        entry = self._spool.find(capture_id)
        if entry is None:  # gone, where another process has moved it; damaged otherwise
            self._spool.set_aside(capture_id, "its digest does not match its content")
        return entry

    def _move(self, entries: Sequence[Entry]) -> int:
        """Store ``entries`` in one transaction, or each in its own where one is refused."""
        try:
            self._store(entries)
        except StatementError as error:
            if not _is_about_content(error):
                raise
            if len(entries) > 1:
                return sum(self._move([entry]) for entry in entries)
            return self._refuse(entries[0], error)
        for entry in entries:
            self._spool.remove(entry.capture)
        return len(entries)

    def _refuse(self, entry: Entry, error: StatementError) -> int:
        """Try again later what the database refused, as an image may have been deleted just now.

        What is refused again and again would hold up all others, and is set aside.
        """
        capture_id = entry.capture.id
        self._refused[capture_id] = self._refused.get(capture_id, 0) + 1
        if self._refused[capture_id] >= _ATTEMPTS:
            self._spool.set_aside(capture_id, str(error))
        return 0

    def _store(self, entries: Sequence[Entry]) -> None:
        entries = self._unknown(entries)
        if not entries:
            return
        written = self._write_images(entries)
        now = self._database.now()
        with self._database.writing() as session:
            for values in written:
                _insert_image(session, {**values, "created_at": now})
            captures = sibling_links.without_deleted(session, [e.capture for e in entries])
            for capture, (_, image) in zip(captures, entries, strict=True):
                kept = capture.image_digest if image else None
                if insert_new(session, CaptureRow, {**capture.model_dump(), "kept_image": kept}):
                    sibling_links.link(session, capture)
                    queue.enqueue(session, capture, now)

    def _unknown(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that are not stored yet: an image deleted since must not come back."""
        with self._database.reading() as session:
            ids = [entry.capture.id for entry in entries]
            stored = set(session.scalars(sa.select(CaptureRow.id).where(CaptureRow.id.in_(ids))))
        return [entry for entry in entries if entry.capture.id not in stored]

    def _write_images(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """The rows of images that were not kept before, once their bytes are safe."""
        wanted = {e.capture.image_digest: e for e in reversed(entries) if e.image}
        with self._database.reading() as session:
            query = sa.select(ImageRow.digest).where(ImageRow.digest.in_(wanted))
            known = set(session.scalars(query))
        new = [entry for digest, entry in wanted.items() if digest not in known]
        # Side by side: each waits for a disk or a server, which serve several at once.
        with ThreadPoolExecutor(_IMAGES_AT_ONCE) as pool:
            return list(pool.map(self._write_image, new))

    def _write_image(self, entry: Entry) -> dict[str, Any]:
        digest = entry.capture.image_digest
        path = self._images.write(digest, entry.capture.id, entry.image)
        return {"digest": digest, "path": path, "size": len(entry.image)}


def _insert_image(session: Session, values: dict[str, Any]) -> None:
    """Add the row of an image; where another machine was first, ours is one file too many."""
    if insert_new(session, ImageRow, values):
        return
    row = session.get(ImageRow, values["digest"])
    if row is None or row.path != values["path"]:
        spare = {"path": values["path"], "created_at": values["created_at"]}
        insert_new(session, RemovalRow, spare)


def _is_about_content(error: StatementError) -> bool:
    """Whether the database refused a row, rather than to work; a bare one: a value has no form."""
    return isinstance(error, DataError | IntegrityError) or type(error) is StatementError


def _batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
