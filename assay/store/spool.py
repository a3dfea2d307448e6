"""The write-ahead spool: a capture is on this machine's disk before its answer leaves.

One file a capture, named after its identifier, so that the folder's order is the order of arrival
and a capture that has not reached the database yet is read by its name. A file appears whole or
not at all (`durable.write_new`); its first line is a digest of the rest, so that a torn or damaged
one is recognised, set aside, and never believed.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from assay.durable import UNFINISHED, make_folder, write_new
from assay.errors import StorageError
from assay.store.capture import Capture
from assay.store.ids import is_id

logger = logging.getLogger(__name__)

_SUFFIX = ".capture"
_MAGIC = b"assay-spool-1 "
_REMEMBERED = 10_000
"""Pixels of entries that this process wrote."""
_ABANDONED = 3600.0
"""Seconds after which an unfinished file has no writer any more."""


class Entry(NamedTuple):
    """A spooled capture with its image; empty where the client opted out of keeping it."""

    capture: Capture
    image: bytes


class Spool:
    """Captures of this machine that the database does not hold yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._damaged = folder / "damaged"
        make_folder(folder)
        make_folder(self._damaged)
        self._by_pixels: OrderedDict[str, str] = OrderedDict()
        self._sweep()

    def append(self, capture: Capture, image: bytes) -> bool:
        """Write ``capture`` and wait until it is on disk; False if its identifier is spooled.

        Raises `StorageError` when the disk does not take it: then no answer may leave.
        """
        # Without what is not there: while two releases serve, the older reads what the newer wrote.
        record = capture.model_dump_json(exclude_none=True).encode() + b"\n"
        digest = hashlib.sha256(record)
        digest.update(image)
        head = _MAGIC + digest.hexdigest().encode() + b"\n"
        try:
            is_new = write_new(self._path(capture.id), (head, record, image))
        except OSError as error:
            raise StorageError(f"{self._folder}: {error}; free space or mount it anew") from error
        if is_new:
            self._by_pixels[capture.pixel_digest] = capture.id
            if len(self._by_pixels) > _REMEMBERED:  # another process removed what they name
                self._by_pixels.popitem(last=False)
        return is_new

    def find(self, capture_id: str) -> Entry | None:
        """The entry of this identifier; None if there is none, or no whole one."""
        if not is_id(capture_id):
            return None
        try:
            return _read(self._path(capture_id).read_bytes())
        except FileNotFoundError:
            return None

    def find_pixels(self, pixel_digest: str) -> Entry | None:
        """The newest entry with these pixels that this process wrote, if it is still here."""
        capture_id = self._by_pixels.get(pixel_digest)
        return self.find(capture_id) if capture_id else None

    def pending(self) -> list[str]:
        """Identifiers of all entries, oldest first."""
        return sorted(path.stem for path in self._folder.glob(f"*{_SUFFIX}") if is_id(path.stem))

    def remove(self, capture: Capture) -> None:
        """Forget an entry that the database holds."""
        self._path(capture.id).unlink(missing_ok=True)
        if self._by_pixels.get(capture.pixel_digest) == capture.id:
            del self._by_pixels[capture.pixel_digest]

    def set_aside(self, capture_id: str, why: str) -> None:
        """Move an entry that can never be stored out of the way of the others, and say so."""
        path = self._path(capture_id)
        if path.exists():
            logger.error("capture %s is set aside in %s: %s", capture_id, self._damaged, why)
            path.replace(self._damaged / path.name)

    @contextmanager
    def draining(self) -> Iterator[None]:
        """Wait for and hold the right to move entries, among all threads and processes here."""
        with (self._folder / ".draining").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _path(self, capture_id: str) -> Path:
        return self._folder / f"{capture_id}{_SUFFIX}"

    def _sweep(self) -> None:
        """Drop what killed writers left unfinished: nobody was answered on its strength."""
        for path in self._folder.glob(f".*{UNFINISHED}"):
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue  # its writer has just finished


def _read(data: bytes) -> Entry | None:
    head, _, rest = data.partition(b"\n")
    if head != _MAGIC + hashlib.sha256(rest).hexdigest().encode():
        return None
    record, _, image = rest.partition(b"\n")
    return Entry(Capture.model_validate_json(record), image)
