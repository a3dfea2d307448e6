"""Registered models on MLflow: versions, the aliases challenger and champion, local copies."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from assay import home, tracking
from assay.detector import MODEL_FILE
from assay.errors import NoChampion
from assay.fingerprints import content_hash

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

MODEL = "assay"
HASH_TAG = "content_hash"


class Alias(StrEnum):
    """The movable names of a version."""

    CHALLENGER = "challenger"
    CHAMPION = "champion"


def find(bundle: Path) -> str | None:
    """The version that holds exactly ``bundle``, or None."""
    digest = content_hash(bundle)
    for version in tracking.client().search_model_versions(f"name = '{MODEL}'"):
        if version.tags.get(HASH_TAG) == digest:
            return str(version.version)
    return None


def register(bundle: Path, run_id: str) -> str:
    """Store ``bundle`` with the run that made it, as a new version; returns its number.

    The same content is the same version, however often it is registered.
    """
    from mlflow.exceptions import MlflowException

    if known := find(bundle):
        return known
    store = tracking.client()
    try:
        store.get_registered_model(MODEL)
    except MlflowException:
        store.create_registered_model(MODEL)
    run, digest = store.get_run(run_id), content_hash(bundle)
    # One run can give several versions (the same adapter, calibrated anew): a place for each.
    place = f"bundle-{digest[:12]}"
    store.log_artifacts(run_id, str(bundle), place)
    tags = {HASH_TAG: digest, **_provenance(run.data.tags)}
    version = store.create_model_version(MODEL, f"{run.info.artifact_uri}/{place}", run_id, tags)
    return str(version.version)


def set_alias(alias: Alias, version: str) -> None:
    """Let ``alias`` point at ``version``, and at no other."""
    tracking.client().set_registered_model_alias(MODEL, alias.value, version)


def version_of(alias: Alias) -> str | None:
    """The number of the version that ``alias`` points at, or None."""
    try:
        return str(_resolve(alias.value).version)
    except NoChampion:
        return None


def fetch(name: str) -> Path:
    """A local copy of the model called ``name``: an alias, a version number or a directory.

    Raises `NoChampion` when nothing is registered under that name.
    """
    if (Path(name) / MODEL_FILE).is_file():
        return Path(name)
    version = _resolve(name)
    copy = home.folder("models") / f"{version.version}-{version.tags.get(HASH_TAG, '')[:12]}"
    if not copy.is_dir():
        _download(version, copy)
    return copy


def _provenance(tags: Mapping[str, str]) -> dict[str, str]:
    """What a version repeats of its run's tags, so that it explains itself."""
    return {name: tags[name] for name in ("dataset_version", "git_commit") if name in tags}


def _download(version: ModelVersion, target: Path) -> None:
    """Copy the artifacts to a temporary folder, then rename: a torn copy is never found."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        downloaded = download_artifacts(
            artifact_uri=version.source, dst_path=str(Path(scratch) / "bundle")
        )
        shutil.move(downloaded, target)


def _resolve(name: str) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    store = tracking.client()
    try:
        if name.isdigit():
            return store.get_model_version(MODEL, name)
        return store.get_model_version_by_alias(MODEL, name)
    except MlflowException as error:
        kind = "version" if name.isdigit() else "alias"
        raise NoChampion(
            f"no registered model has the {kind} {name!r}; "
            "train one with: python run.py --pipeline train"
        ) from error
