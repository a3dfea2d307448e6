"""Registered models on MLflow: versions, their aliases and runs, local copies."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import home, tracking
from assay.errors import NoChampion, StorageError, did_you_mean
from assay.fingerprints import content_hash
from assay.model_folder import LABELLED, MODEL_FILE, RECALIBRATED, RETRAINED, read_facts
from assay.serving_plan import PLAN_FILE, ServingPlan, refuse_other_model

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

MODEL = "assay"
HASH_TAG = "content_hash"
PLAN_TAG = "serving_plan"
"""The name of a version's plan, such as ``plan-0123456789ab``."""
PROVENANCE = ("dataset_version", "git_commit", "zenml_run")
"""Tags that a version repeats of its run, so that it explains itself."""

_LISTED = 5
"""Versions that an error names."""


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
    found = _holding(content_hash(bundle))
    return str(found.version) if found is not None and _is_whole(found) else None


def describe(bundle: Path) -> ModelFacts:
    """What the registry, and the folder itself, know about ``bundle``.

    Raises `CheckpointMismatch` for a folder that is no model.
    """
    digest, facts = content_hash(bundle), read_facts(bundle)
    version, dataset = _holding(digest), str(facts.get("dataset_version", ""))
    if version is None:
        return ModelFacts(f"model {facts.get('version', digest[:12])}", digest, dataset)
    registered = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return ModelFacts(
        name=f"version {version.version}",
        content=digest,
        dataset_version=version.tags.get("dataset_version", dataset),
        version=str(version.version),
        run=_run_name(version),
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
            f"the model cannot be stored in {run.info.artifact_uri} ({_line(error)}); "
            "mend that, and run this again"
        ) from error
    tags = {HASH_TAG: digest, **_provenance(run.data.tags)}
    version = store.create_model_version(MODEL, f"{run.info.artifact_uri}/{place}", run_id, tags)
    store.set_tag(run_id, tracking.MODEL_VERSION_TAG, str(version.version))
    return str(version.version)


def run_of(version: str) -> Run:
    """The MLflow run that made ``version``; raises `NoChampion` for an unknown one."""
    return tracking.client().get_run(str(_resolve(version).run_id))


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
    refuse_other_model(plan, _resolve(version).tags.get(HASH_TAG, ""))
    store, run = tracking.client(), run_of(version)
    place = f"{_plan_folder(version, plan.name)}/{PLAN_FILE}"
    store.log_text(run.info.run_id, plan.text(), place)
    store.set_model_version_tag(MODEL, version, PLAN_TAG, plan.name)


def fetch_plan(version: str) -> Path | None:
    """A local copy of the serving plan of ``version``, or None where it has none.

    Raises `NoChampion` for an unknown version, or where the plan's file is gone.
    """
    name = _resolve(version).tags.get(PLAN_TAG)
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
    return _aliases().get(alias.value)


def holds(version: str) -> bool:
    """Whether ``version`` is the number of a registered model."""
    return any(str(known.version) == version for known in _versions())


def fetch(name: str) -> Path:
    """A local copy of the model called ``name``: an alias, a version, a run or a directory.

    A run is given by its MLflow id or by its name, which is that of the ZenML run too, and stands
    for the latest version that it registered. Raises `NoChampion` when nothing is registered under
    that name, or its files are gone.
    """
    if (Path(name) / MODEL_FILE).is_file():
        return Path(name)
    version = _resolve(name)
    copy = _copy(version)
    if not copy.is_dir():
        _download(version, copy)
    return copy


def versions() -> list[str]:
    """The numbers of all versions, the latest first; asking makes no store."""
    return [str(version.version) for version in (_versions() if tracking.exists() else [])]


def datasets_needed() -> dict[str, str]:
    """Versions of the datasets that registered models come from, each with which model needs it.

    What a model says of itself counts beside the tags: the dataset that it was calibrated or
    moved on. Raises `NoChampion` for a version whose description cannot be read, since what it
    needs is not known then.
    """
    found: dict[str, str] = {}
    for version in _versions() if tracking.exists() else []:
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

    copy = _copy(version)
    if not copy.is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            place = f"{str(version.source).rstrip('/')}/{MODEL_FILE}"
            try:
                download_artifacts(artifact_uri=place, dst_path=scratch)
            except tracking.artifact_errors() as error:
                raise NoChampion(
                    f"what version {version.version} needs is not known, as {place} cannot be "
                    f"read ({_line(error)}); put it back, or delete the version in MLflow"
                ) from error
            return dict(json.loads((Path(scratch) / MODEL_FILE).read_text(encoding="utf-8")))
    return dict(json.loads((copy / MODEL_FILE).read_text(encoding="utf-8")))


def _copy(version: ModelVersion) -> Path:
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
        versions, aliases = _versions(), _aliases().items()
    except MlflowException as error:
        logger.warning("the model registry does not answer: %s", str(error).partition("\n")[0])
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
                f"({_line(error)}); put them back, or delete the version in MLflow and train again"
            ) from error
        found, expected = content_hash(Path(downloaded)), version.tags.get(HASH_TAG, "")
        if expected and found != expected:
            raise NoChampion(
                f"the files of version {version.version} in {version.source} are not those that "
                "were registered; put these back, or delete the version in MLflow and train again"
            )
        shutil.move(downloaded, target)


def _line(error: Exception) -> str:
    """The first line of what a library says."""
    return str(error).strip().partition("\n")[0]


def _resolve(name: str) -> ModelVersion:
    """The version that ``name`` means: its number, its alias, or the run that registered it."""
    versions, aliases = _versions(), _aliases()
    number = aliases.get(name, name)
    for version in versions:
        if number == str(version.version):
            return version
    for version in versions:
        if name in {version.run_id, _run_name(version)}:
            return version
    raise NoChampion(_unknown(name, versions, aliases))


def _unknown(name: str, versions: Sequence[ModelVersion], aliases: Mapping[str, str]) -> str:
    """That nothing has this name, and what has one."""
    kind = "version" if name.isdigit() else "alias or run"
    missing = f"no registered model has the {kind} {name!r}"
    runs = {str(version.version): _run_name(version) for version in versions}
    named = "".join(f", {alias} is version {number}" for alias, number in sorted(aliases.items()))
    latest = ", ".join(f"{number} (run {run})" for number, run in list(runs.items())[:_LISTED])
    known = f"registered: {latest or 'none'}{' ...' if len(runs) > _LISTED else ''}{named}"
    hint = did_you_mean(name, [*aliases, *runs.values()])
    return f"{missing}{hint}; {known}; train one with: python run.py --pipeline train"


def _holding(digest: str) -> ModelVersion | None:
    """The version of this content hash, the latest whole one if there is any, or None."""
    found = [version for version in _versions() if version.tags.get(HASH_TAG) == digest]
    return next(filter(_is_whole, found), found[0] if found else None)


def _is_whole(version: ModelVersion) -> bool:
    """Whether the run and the files of ``version`` are still there."""
    if not tracking.is_active(str(version.run_id)):
        return False
    place = str(version.source).rpartition("/")[2]
    return bool(tracking.client().list_artifacts(str(version.run_id), place))


def _versions() -> list[ModelVersion]:
    """All versions, the latest first."""
    found = tracking.client().search_model_versions(f"name = '{MODEL}'")
    return sorted(found, key=lambda version: -int(version.version))


def _aliases() -> dict[str, str]:
    """Which version each alias points at."""
    from mlflow.exceptions import MlflowException

    try:
        aliases = tracking.client().get_registered_model(MODEL).aliases
    except MlflowException:  # nothing was ever registered
        return {}
    return {alias: str(version) for alias, version in aliases.items()}


def _run_name(version: ModelVersion) -> str:
    """The name of the run that made it; its id where the run was deleted for good."""
    from mlflow.exceptions import MlflowException

    try:
        return str(tracking.client().get_run(str(version.run_id)).info.run_name)
    except MlflowException:
        return str(version.run_id)
