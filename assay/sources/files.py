"""Files of labelled folders: bounded, in the fair order of a hash, fingerprinted without pixels."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from assay import images
from assay.errors import ImageTooLarge, UnreadableImage


def read_file(folder: Path, file: str) -> bytes:
    """The bytes of an image; raises `UnreadableImage` or `ImageTooLarge` before it is read."""
    path = folder / file
    if not path.is_file():
        raise UnreadableImage(f"there is no file {file!r}; add it or drop its row")
    if path.stat().st_size > images.MAX_BYTES:
        raise ImageTooLarge(f"{file} exceeds {images.MAX_BYTES:,} bytes; supply a smaller file")
    return path.read_bytes()


def place(name: str) -> bytes:
    """Where a name stands in an order of which any prefix is a fair sample."""
    return hashlib.sha256(os.fsencode(name)).digest()  # a file's name need not be UTF-8


def state(path: Path) -> str:
    """What changes when a file does: its size and time, or that it is missing."""
    if not path.is_file():
        return "missing"
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
