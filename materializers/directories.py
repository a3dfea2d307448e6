"""Move a directory into the artifact store and back: links where it is local, copies elsewhere."""

import hashlib
import os
import shutil
from pathlib import Path

from zenml.artifact_stores import BaseArtifactStore
from zenml.io import fileio

from assay import home


def upload(source: Path, uri: str, store: BaseArtifactStore) -> None:
    """Put every file below ``source`` under ``uri``; a local store shares the bytes on disk.

    Files that Assay writes are replaced, never changed in place, so a hard link is safe.
    """
    for file in sorted(p for p in source.rglob("*") if p.is_file()):
        target = f"{uri}/{file.relative_to(source).as_posix()}"
        fileio.makedirs(target.rpartition("/")[0])
        if store.config.is_local:
            _link(file, Path(target))
        else:
            fileio.copy(str(file), target, overwrite=True)


def download(uri: str, store: BaseArtifactStore) -> Path:
    """The directory at ``uri``; a remote one is copied once into the state folder."""
    if store.config.is_local:
        return Path(uri)
    target = home.folder("cache/artifacts") / hashlib.sha256(uri.encode()).hexdigest()[:16]
    if not target.is_dir():
        unfinished = target.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for folder, _, names in fileio.walk(uri):
            for name in names:
                remote = f"{folder!s}/{name!s}"
                local = unfinished / remote.removeprefix(f"{uri}/")
                local.parent.mkdir(parents=True, exist_ok=True)
                fileio.copy(remote, str(local))
        unfinished.rename(target)
    return target


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system
        shutil.copyfile(file, target)
