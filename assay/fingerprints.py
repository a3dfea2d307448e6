"""What a cached result depends on besides its inputs: the domain's code and pinned libraries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from assay.home import REPOSITORY
from assay.settings import Settings


@cache
def code_fingerprint(root: Path = REPOSITORY) -> str:
    """Hash of every file of code and of weights in ``assay``, and of the lock, under ``root``."""
    digest = hashlib.sha256()
    domain = (path for kind in ("*.py", "*.safetensors") for path in (root / "assay").rglob(kind))
    for path in [*sorted(domain), root / "requirements.lock"]:
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()[:16]


def content_hash(folder: Path) -> str:
    """SHA-256 over the relative names and bytes of all files below ``folder``."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def content_digest(texts: Mapping[str, str]) -> str:
    """Hash of names with their texts, in whatever order; 16 hex digits."""
    stored = json.dumps(sorted(texts.items())).encode()
    return hashlib.sha256(stored).hexdigest()[:16]


def group_digest(group: str) -> str:
    """Short name of a group, by which a model remembers what it was fitted on; 16 hex digits."""
    return hashlib.sha256(group.encode()).hexdigest()[:16]


def run_key(stage: str, *parts: str | Settings) -> str:
    """A folder name for one run of ``stage``: equal exactly when code, data and settings are."""
    texts = [p if isinstance(p, str) else p.model_dump_json() for p in parts]
    digest = hashlib.sha256(json.dumps([code_fingerprint(), *texts]).encode())
    return f"{stage}-{digest.hexdigest()[:16]}"
