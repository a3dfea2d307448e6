"""One writer at a time: a lock on a file, which the system lets go however its holder ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import StorageError


@contextmanager
def exclusive(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock on ``path``; raises `StorageError` with ``refusal`` while another holds it.

    The file is made if need be, and stays: one that is deleted while others open it locks nobody
    out.
    """
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(refusal) from error
        yield
