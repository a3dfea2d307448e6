"""Files that are whole or not there, and on disk once the call returns."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".tmp"
"""Suffix of a file on its way; what a kill leaves of one is never read."""


def write_new(path: Path, parts: Iterable[bytes]) -> bool:
    """Write ``path`` once, whole, and wait until it is on disk; False if it was there.

    Of several writers of one path exactly one succeeds: a hard link, unlike a rename, does not
    replace. Raises OSError when the disk is full or gone; nothing is left behind then.
    """
    with _written(path, parts) as unfinished:
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
        return True


def replace_file(path: Path, data: bytes) -> None:
    """Write ``path`` whole, in place of what was there, and wait until it is on disk."""
    with _written(path, [data]) as unfinished:
        unfinished.replace(path)
        sync_folder(path.parent)


def unfinished_beside(path: Path) -> Path:
    """A new name beside ``path`` for a file on its way there."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{UNFINISHED}")


@contextmanager
def _written(path: Path, parts: Iterable[bytes]) -> Iterator[Path]:
    """A file beside ``path`` that holds ``parts`` and is on disk; removed where it is not moved."""
    unfinished = unfinished_beside(path)
    try:
        with unfinished.open("xb") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make ``path``, and wait until its parent knows of it."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Wait until the names in ``path`` are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
