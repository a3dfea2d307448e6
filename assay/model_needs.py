"""Which datasets registered models come from, by their tags and by what they say of themselves."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import model_registry, model_versions, tracking
from assay.errors import NoChampion
from assay.model_folder import LABELLED, MODEL_FILE, RECALIBRATED, RETRAINED

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


def datasets_needed() -> dict[str, str]:
    """Versions of the datasets that registered models come from, each with which model needs it.

    What a model says of itself counts beside the tags: the dataset that it was calibrated or
    moved on. Raises `NoChampion` for a version whose description cannot be read, since what it
    needs is not known then.
    """
    found: dict[str, str] = {}
    for version in model_versions.versions() if tracking.exists() else []:
        named = [version.tags.get("dataset_version", ""), *_datasets_of(_facts(version))]
        found |= {name: f"version {version.version}" for name in named if name}
    return found


def _datasets_of(facts: Mapping[str, Any]) -> Iterator[str]:
    moved = (facts.get(how, {}) for how in (RETRAINED, RECALIBRATED))
    yield str(facts.get("dataset_version", ""))
    yield str(facts.get(LABELLED, ""))
    yield from (str(one.get("dataset", "")) for one in moved)


def _facts(version: ModelVersion) -> dict[str, Any]:
    """What the model of ``version`` says of itself; its weights stay where they are."""
    from mlflow.artifacts import download_artifacts

    if (copy := model_registry.copy_of(version)).is_dir():
        return _read(copy)
    place = f"{str(version.source).rstrip('/')}/{MODEL_FILE}"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            download_artifacts(artifact_uri=place, dst_path=scratch)
        except tracking.artifact_errors() as error:
            raise NoChampion(
                f"what version {version.version} needs is not known, as {place} cannot be read "
                f"({tracking.first_line(error)}); put it back, or delete the version in MLflow"
            ) from error
        return _read(Path(scratch))


def _read(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / MODEL_FILE).read_text(encoding="utf-8")))
