"""Which registered version a name, a content or an alias means; MLflow's registry is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assay import tracking
from assay.errors import NoChampion, did_you_mean

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

MODEL = "assay"
"""The name of the registered model that all versions are of."""
HASH_TAG = "content_hash"

_LISTED = 5
"""Versions that an error names."""


def resolve(name: str) -> ModelVersion:
    """The version that ``name`` means: its number, its alias, or the run that registered it.

    Raises `NoChampion`, which names what there is.
    """
    known, named = versions(), aliases()
    number = named.get(name, name)
    for version in known:
        if number == str(version.version):
            return version
    for version in known:
        if name in {version.run_id, run_name(version)}:
            return version
    raise NoChampion(_unknown(name, known, named))


def _unknown(name: str, versions: Sequence[ModelVersion], aliases: Mapping[str, str]) -> str:
    """That nothing has this name, and what has one."""
    kind = "version" if name.isdigit() else "alias or run"
    missing = f"no registered model has the {kind} {name!r}"
    runs = {str(version.version): run_name(version) for version in versions}
    named = "".join(f", {alias} is version {number}" for alias, number in sorted(aliases.items()))
    latest = ", ".join(f"{number} (run {run})" for number, run in list(runs.items())[:_LISTED])
    known = f"registered: {latest or 'none'}{' ...' if len(runs) > _LISTED else ''}{named}"
    hint = did_you_mean(name, [*aliases, *runs.values()])
    return f"{missing}{hint}; {known}; train one with: python run.py --pipeline train"


def holding(digest: str) -> ModelVersion | None:
    """The version of this content hash, the latest whole one if there is any, or None."""
    found = [version for version in versions() if version.tags.get(HASH_TAG) == digest]
    return next(filter(is_whole, found), found[0] if found else None)


def is_whole(version: ModelVersion) -> bool:
    """Whether the run and the files of ``version`` are still there."""
    if not tracking.is_active(str(version.run_id)):
        return False
    place = str(version.source).rpartition("/")[2]
    return bool(tracking.client().list_artifacts(str(version.run_id), place))


def versions() -> list[ModelVersion]:
    """All versions, the latest first."""
    found = tracking.client().search_model_versions(f"name = '{MODEL}'")
    return sorted(found, key=lambda version: -int(version.version))


def aliases() -> dict[str, str]:
    """Which version each alias points at."""
    from mlflow.exceptions import MlflowException

    try:
        found = tracking.client().get_registered_model(MODEL).aliases
    except MlflowException:  # nothing was ever registered
        return {}
    return {alias: str(version) for alias, version in found.items()}


def run_name(version: ModelVersion) -> str:
    """The name of the run that made it; its id where the run was deleted for good."""
    from mlflow.exceptions import MlflowException

    try:
        return str(tracking.client().get_run(str(version.run_id)).info.run_name)
    except MlflowException:
        return str(version.run_id)
