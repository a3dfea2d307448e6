"""The known-image bank: which images were seen in which fact-check, found again by their hashes.

It says where a picture was met before, which no pixel can tell. It is no verdict: nothing of it
enters a prompt, a score or a label.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay import home
from assay.durable import make_folder
from assay.errors import NotStored, StorageError
from assay.image_hashes import MAX_PHASH_DISTANCE, ImageHashes
from assay.storage import Storage, blob_path

logger = logging.getLogger(__name__)

FILE = "bank.sqlite"
"""Holds the entries; what is added or removed at once is there as a whole or not at all."""
VARIABLE = "ASSAY_KNOWN_IMAGES"
"""Names another folder than that of the state folder."""
MOST = 5
"""Fact-checks that are named of one image."""
_LOOKED_UP = 100
_PATIENCE = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS known (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id TEXT NOT NULL, fact_check_url TEXT NOT NULL, title TEXT NOT NULL,
    review_date TEXT NOT NULL, average_hash TEXT NOT NULL, phash TEXT NOT NULL,
    digest TEXT NOT NULL, UNIQUE (image_id, fact_check_url)
)"""
_SELECT = """
SELECT id, image_id, fact_check_url, title, review_date, average_hash, phash, digest FROM known"""


@dataclass(frozen=True, slots=True)
class KnownImage:
    """One image in one fact-check."""

    image_id: str
    fact_check_url: str
    title: str
    """Of the fact-check; untrusted text, as are the address and the date."""
    review_date: str
    """ISO 8601, empty where unknown."""
    hashes: ImageHashes
    digest: str = ""
    """SHA-256 of the image where the bank holds it (`KnownImages.image`)."""
    id: int = 0
    """In this bank; 0 before it is there."""


@dataclass(frozen=True, slots=True)
class Match:
    """A known image that a picture is near to."""

    known: KnownImage
    average_distance: int
    """Bits of 64."""
    phash_distance: int
    """Bits of 64."""


def place() -> Path:
    """The folder of the bank, which need not be there."""
    return Path(os.environ.get(VARIABLE) or home.root() / "known_images")


class KnownImages:
    """The bank in ``folder``; safe among threads and processes, and empty where there is none.

    `near` looks at what was there when it was last read: `refresh` reads it again where it has
    changed. What was removed is not found any more at once. Methods raise `StorageError`.
    """

    def __init__(self, folder: Path, *, is_patient: bool = False) -> None:
        """Read the bank; one that cannot be read is empty until `refresh` where ``is_patient``."""
        self._folder, self._path = folder, folder / FILE
        self._images = Storage(str(folder))
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._index = _Index.of([])
        try:
            self.refresh()
        except StorageError as error:
            if not is_patient:
                raise
            logger.warning("known images are left out: %s", error)

    def __len__(self) -> int:
        """Entries, as last read."""
        return len(self._index.ids)

    def add(self, known: Iterable[KnownImage]) -> int:
        """Keep entries, all or none; how many. One of the same image and fact-check is replaced."""
        make_folder(self._folder)
        rows = (
            (k.image_id, k.fact_check_url, k.title, k.review_date, *k.hashes.as_hex(), k.digest)
            for k in known
        )
        with self._opened(is_writing=True) as bank:
            bank.execute(_SCHEMA)
            count = bank.total_changes
            bank.executemany(
                "INSERT INTO known (image_id, fact_check_url, title, review_date, average_hash, "
                "phash, digest) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "title = excluded.title, review_date = excluded.review_date, "
                "average_hash = excluded.average_hash, phash = excluded.phash, "
                "digest = CASE excluded.digest WHEN '' THEN digest ELSE excluded.digest END",
                rows,
            )
            added = bank.total_changes - count
        self.refresh()
        return added

    def remove(self, image_id: str) -> int:
        """Forget an image in all of its fact-checks, and its bytes; how many entries there were.

        Raises `NotStored`.
        """
        gone = [one for one in self.entries() if one.image_id == image_id]
        if not gone:
            raise NotStored(f"no known image {image_id!r}; `known list` shows all")
        with self._opened(is_writing=True) as bank:
            bank.execute("DELETE FROM known WHERE image_id = ?", (image_id,))
        kept = {one.digest for one in self.entries()}
        for digest in {one.digest for one in gone} - kept - {""}:
            self._images.remove(blob_path(digest))
        self.refresh()
        return len(gone)

    def entries(self) -> Iterator[KnownImage]:
        """All entries, in the order in which they came."""
        with self._opened() as bank:
            for row in bank.execute(f"{_SELECT} ORDER BY id"):
                with self._whole():
                    entry = _entry(row)
                yield entry

    def find(self, ids: Iterable[int]) -> dict[int, KnownImage]:
        """The entries among ``ids`` that are still there."""
        wanted = list(ids)
        if not wanted:
            return {}
        marks = ", ".join("?" * len(wanted))
        query = f"{_SELECT} WHERE id IN ({marks})"
        with self._opened() as bank:
            rows = bank.execute(query, wanted).fetchall()
        with self._whole():
            return {row[0]: _entry(row) for row in rows}

    def near(self, hashes: ImageHashes, most: int = MOST) -> list[Match]:
        """Known images that ``hashes`` are near to, the nearest first; at most ``most``."""
        if not hashes.tells:
            return []
        found = self.find(self._index.near(hashes))
        near = [one for one in found.values() if one.hashes.is_near(hashes)]
        matches = [Match(one, *one.hashes.distances(hashes)) for one in near]
        matches.sort(key=lambda one: (one.average_distance + one.phash_distance, one.known.id))
        return matches[:most]

    def keep_image(self, known: KnownImage, data: bytes) -> KnownImage:
        """The entry with the encoded image that it stands for, kept beside the bank."""
        return replace(known, digest=self._images.add(data))

    def image(self, known: KnownImage) -> bytes | None:
        """The encoded image of an entry, None where the bank has only its hashes."""
        return self._images.blob(known.digest) if known.digest else None

    def refresh(self) -> None:
        """Read the bank again if it is not as it was read last."""
        with self._lock:
            if (seen := self._stamp()) == self._seen:
                return
            with self._opened() as bank:
                rows = bank.execute("SELECT id, average_hash, phash FROM known").fetchall()
            with self._whole():
                self._index, self._seen = _Index.of(rows), seen

    def _stamp(self) -> tuple[int, ...]:
        try:
            about = self._path.stat()
        except FileNotFoundError:
            return ()
        return about.st_ino, about.st_mtime_ns, about.st_size

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Rows that hold no hashes are a damaged bank."""
        try:
            yield
        except (TypeError, ValueError) as error:
            raise StorageError(f"{self._path} is damaged ({error}); import it anew") from error

    @contextmanager
    def _opened(self, *, is_writing: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection, committed at the end; an empty one where there is no bank yet."""
        place = self._path if is_writing or self._path.exists() else ":memory:"
        try:
            with closing(sqlite3.connect(place, timeout=_PATIENCE)) as bank, bank:
                if place == ":memory:":
                    bank.execute(_SCHEMA)
                yield bank
        except sqlite3.Error as error:
            raise StorageError(f"{self._path} cannot be used ({error})") from error


@dataclass(frozen=True, slots=True)
class _Index:
    """Hashes in memory: 24 bytes an entry."""

    ids: npt.NDArray[np.int64]
    average: npt.NDArray[np.uint64]
    phashes: Any
    """A faiss index."""

    @classmethod
    def of(cls, rows: list[tuple[int, str, str]]) -> _Index:
        import faiss

        phashes = faiss.IndexBinaryFlat(64)
        average, codes = (
            np.frombuffer(bytes.fromhex("".join(texts)), np.uint8)
            for texts in ([row[1] for row in rows], [row[2] for row in rows])
        )
        if rows:
            phashes.add(codes.reshape(-1, 8))
        return cls(np.array([row[0] for row in rows], np.int64), average.view(">u8"), phashes)

    def near(self, hashes: ImageHashes) -> list[int]:
        """Entries whose phash is near, the nearest `_LOOKED_UP` by both hashes."""
        code = np.frombuffer(hashes.phash.to_bytes(8, "big"), np.uint8)[None]
        # The radius of faiss is exclusive.
        _, distances, places = self.phashes.range_search(code, MAX_PHASH_DISTANCE + 1)
        average = np.bitwise_count(self.average[places] ^ np.uint64(hashes.average_hash))
        nearest = np.lexsort((places, distances + average))[:_LOOKED_UP]
        ids: list[int] = self.ids[places[nearest]].tolist()
        return ids


def _entry(row: tuple[int, str, str, str, str, str, str, str]) -> KnownImage:
    number, image_id, url, title, date, average, phash, digest = row
    hashes = ImageHashes(int(average, 16), int(phash, 16))
    return KnownImage(image_id, url, title, date, hashes, digest, number)
