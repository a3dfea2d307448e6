"""The photographs that the experts' network is trained on, as a folder holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay import images
from assay.errors import ConfigError, DataError, ImageTooLarge
from assay.experts.settings import WANTED


@dataclass(frozen=True, slots=True)
class Photographs:
    """Readable images, and what a folder holds besides."""

    files: tuple[Path, ...]
    """Sorted."""
    content_hash: str
    """SHA-256 over their names and bytes."""
    left_out: Mapping[str, str]
    """Why each other file is not used, by its name below the folder."""


def gather(folder: Path) -> Photographs:
    """The photographs at any depth below ``folder``, without hidden files and folders.

    Only headers are read, so a damaged one may still turn up. Raises `ConfigError` for a folder
    without photographs.
    """
    digest, files, left_out = hashlib.sha256(), [], {}
    for path in sorted(path for path in folder.rglob("[!.]*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in Path(name).parts):
            continue
        try:
            content = read(path)
            images.header(content)
        except (DataError, OSError) as error:
            left_out[name] = str(error)
            continue
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
        files.append(path)
    if not files:
        raise ConfigError(f"photographs: {folder} holds no image; put there {WANTED}")
    return Photographs(tuple(files), digest.hexdigest(), left_out)


def read(path: Path) -> bytes:
    """The bytes of an image file; raises `ImageTooLarge` before it reads a huge one, or OSError."""
    size = path.stat().st_size
    if size > images.MAX_BYTES:
        raise ImageTooLarge(f"{size:,} bytes; at most {images.MAX_BYTES:,} are read")
    return path.read_bytes()
