"""Registered models on MLflow: making versions, describing and naming them, local copies."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from assay import home, model_versions, tracking
from assay.errors import NoChampion, StorageError
from assay.fingerprints import content_hash
from assay.model_folder import MODEL_FILE, read_facts
from assay.model_versions import HASH_TAG, MODEL, holding, is_whole, resolve, run_name
from assay.serving_plan import PLAN_FILE, ServingPlan, refuse_other_model

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

PLAN_TAG = "serving_plan"
"""The name of a version's plan, such as ``plan-0123456789ab``."""
PROVENANCE = ("dataset_version", "git_commit", "zenml_run")
"""Tags that a version repeats of its run, so that it explains itself."""


class Alias(StrEnum):
    """The movable names of a version."""

    CHALLENGER = "challenger"
    CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Where a model comes from; what is not known, as of a directory never registered, is empty."""

    name: str
    """For a reader: ``version 3``, or the name that the model's own folder gives."""
    content: str
    """Hash of its files."""
    dataset_version: str = ""
    version: str = ""
    run: str = ""
    """Name of the run that made it, on MLflow and on ZenML."""
    git_commit: str = ""
    registered_at: str = ""
    """ISO 8601, UTC."""


def find(bundle: Path) -> str | None:
    """The version that holds exactly ``bundle``, or None.

    One whose run or files were deleted holds nothing any more: such a model is registered anew.
    """
    found = holding(content_hash(bundle))
    return str(found.version) if found is not None and is_whole(found) else None


def describe(bundle: Path) -> ModelFacts:
    """What the registry, and the folder itself, know about ``bundle``.

    Raises `CheckpointMismatch` for a folder that is no model.
    """
    digest, facts = content_hash(bundle), read_facts(bundle)
    version, dataset = holding(digest), str(facts.get("dataset_version", ""))
    if version is None:
        return ModelFacts(f"model {facts.get('version', digest[:12])}", digest, dataset)
    registered = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return ModelFacts(
        name=f"version {version.version}",
        content=digest,
        dataset_version=version.tags.get("dataset_version", dataset),
        version=str(version.version),
        run=run_name(version),
        git_commit=version.tags.get("git_commit", ""),
        registered_at=registered.isoformat(timespec="seconds"),
    )


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
    try:
        store.log_artifacts(run_id, str(bundle), place)
    except tracking.artifact_errors() as error:
        raise StorageError(
            f"the model cannot be stored in {run.info.artifact_uri} "
            f"({tracking.first_line(error)}); mend that, and run this again"
        ) from error
    tags = {HASH_TAG: digest, **_provenance(run.data.tags)}
    version = store.create_model_version(MODEL, f"{run.info.artifact_uri}/{place}", run_id, tags)
    store.set_tag(run_id, tracking.MODEL_VERSION_TAG, str(version.version))
    return str(version.version)


def run_of(version: str) -> Run:
    """The MLflow run that made ``version``; raises `NoChampion` for an unknown one."""
    return tracking.client().get_run(str(resolve(version).run_id))


def document(version: str, text: str, files: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Describe ``version``: ``text``, ``tags``, and ``files`` (text by name) beside its bundle.

    The files lie in `card_folder` of its run's artifacts. Doing it again replaces all of it.
    """
    store, run = tracking.client(), run_of(version)
    for name, content in files.items():
        store.log_text(run.info.run_id, content, f"{card_folder(version)}/{name}")
    for name, value in {**_provenance(run.data.tags), **tags}.items():
        store.set_model_version_tag(MODEL, version, name, value)
    store.update_model_version(MODEL, version, text)


def describe_run(version: str, text: str) -> None:
    """Let the run that made ``version`` say ``text`` (Markdown) on its page."""
    from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

    tracking.client().set_tag(run_of(version).info.run_id, MLFLOW_RUN_NOTE, text)


def card_folder(version: str) -> str:
    """The place of a version's card among the artifacts of its run."""
    return f"model_card-v{version}"


def attach_plan(version: str, plan: ServingPlan) -> None:
    """Let ``plan`` be how ``version`` is served: beside its bundle, whose files stay as they are.

    Raises `PlanMismatch` for a plan of another model, and `NoChampion` for an unknown version.
    """
    refuse_other_model(plan, resolve(version).tags.get(HASH_TAG, ""))
    store, run = tracking.client(), run_of(version)
    place = f"{_plan_folder(version, plan.name)}/{PLAN_FILE}"
    store.log_text(run.info.run_id, plan.text(), place)
    store.set_model_version_tag(MODEL, version, PLAN_TAG, plan.name)


def fetch_plan(version: str) -> Path | None:
    """A local copy of the serving plan of ``version``, or None where it has none.

    Raises `NoChampion` for an unknown version, or where the plan's file is gone.
    """
    name = resolve(version).tags.get(PLAN_TAG)
    if name is None:
        return None
    copy = home.folder("plans") / f"{version}-{name}.json"
    if not copy.exists():
        store, run_id = tracking.client(), run_of(version).info.run_id
        with tempfile.TemporaryDirectory(dir=copy.parent) as scratch:
            try:
                place = f"{_plan_folder(version, name)}/{PLAN_FILE}"
                shutil.move(store.download_artifacts(run_id, place, scratch), copy)
            except tracking.artifact_errors() as error:
                raise NoChampion(
                    f"the serving plan of version {version} cannot be fetched; make it again with: "
                    f"python run.py --pipeline optimize --set model={version}"
                ) from error
    return copy


def _plan_folder(version: str, plan: str) -> str:
    """Of each plan its own: a kill between file and tag leaves the old plan as it was."""
    return f"serving_plan-v{version}/{plan}"


def set_alias(alias: Alias, version: str) -> None:
    """Let ``alias`` point at ``version``, and at no other."""
    tracking.client().set_registered_model_alias(MODEL, alias.value, version)


def crown(version: str) -> None:
    """Let ``version`` be the champion, and a challenger no longer."""
    set_alias(Alias.CHAMPION, version)
    if version_of(Alias.CHALLENGER) == version:
        tracking.client().delete_registered_model_alias(MODEL, Alias.CHALLENGER.value)


def version_of(alias: Alias) -> str | None:
    """The number of the version that ``alias`` points at, or None."""
    return model_versions.aliases().get(alias.value)


def holds(version: str) -> bool:
    """Whether ``version`` is the number of a registered model."""
    return any(str(known.version) == version for known in model_versions.versions())


def fetch(name: str) -> Path:
    """A local copy of the model called ``name``: an alias, a version, a run or a directory.

    A run is given by its MLflow id or by its name, which is that of the ZenML run too, and stands
    for the latest version that it registered. Raises `NoChampion` when nothing is registered under
    that name, or its files are gone.
    """
    if (Path(name) / MODEL_FILE).is_file():
        return Path(name)
    version = resolve(name)
    copy = copy_of(version)
    if not copy.is_dir():
        _download(version, copy)
    return copy


def versions() -> list[str]:
    """The numbers of all versions, the latest first; asking makes no store."""
    return [
        str(version.version) for version in (model_versions.versions() if tracking.exists() else [])
    ]


def copy_of(version: ModelVersion) -> Path:
    """Where the local copy of ``version`` belongs."""
    return home.folder("models") / f"{version.version}-{version.tags.get(HASH_TAG, '')[:12]}"


def trained_on() -> dict[str, list[str]]:
    """Registered versions with their aliases, latest first, by the dataset they were trained on.

    Empty where nothing was ever registered; asking makes no store. A registry that does not answer
    is a warning: what was asked for beside it can still be shown.
    """
    if not tracking.exists():
        return {}
    from mlflow.exceptions import MlflowException

    try:
        versions, aliases = model_versions.versions(), model_versions.aliases().items()
    except MlflowException as error:
        logger.warning("the model registry does not answer: %s", tracking.first_line(error))
        return {}
    found: dict[str, list[str]] = {}
    for version in versions:
        names = sorted(alias for alias, number in aliases if number == str(version.version))
        words = " ".join([f"v{version.version}", *names])
        found.setdefault(version.tags.get("dataset_version", ""), []).append(words)
    return found


def _provenance(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: tags[name] for name in PROVENANCE if name in tags}


def _download(version: ModelVersion, target: Path) -> None:
    """Copy the artifacts to a temporary folder, check them, rename: a torn copy is never found."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        try:
            downloaded = download_artifacts(
                artifact_uri=version.source, dst_path=str(Path(scratch) / "bundle")
            )
        except tracking.artifact_errors() as error:
            raise NoChampion(
                f"the files of version {version.version} cannot be fetched from {version.source} "
                f"({tracking.first_line(error)}); put them back, or delete the version in MLflow "
                "and train again"
            ) from error
        found, expected = content_hash(Path(downloaded)), version.tags.get(HASH_TAG, "")
        if expected and found != expected:
            raise NoChampion(
                f"the files of version {version.version} in {version.source} are not those that "
                "were registered; put these back, or delete the version in MLflow and train again"
            )
        shutil.move(downloaded, target)
