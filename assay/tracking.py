"""Experiment tracking on MLflow: one run for each training, live metrics, no run left hanging.

The store is SQLite under the state folder unless ``MLFLOW_TRACKING_URI`` names another. A run is
called after the ZenML run that it belongs to, a warm-up's with ``-warm-up`` behind it. Its tags:

    stage            ``warm_up`` (all weights of a small base), ``adapter`` (what is shipped),
                     ``experts`` (their pre-training), ``serving`` (ways to serve a model, one
                     below it for each trial) or ``monitor`` (a window of traffic)
    dataset_version  the data's hash, the same in the run's Datasets, in ZenML and in the model
    zenml_run        the name of the ZenML run
    zenml_page       its address
    warm_up_run      of an adapter: the id of the run that warmed its base up
    model_version    of an adapter: its latest version in the registry, once it is registered
    git_commit       what was checked out, ``-dirty`` where files differ
    hardware         processor, cores, memory and GPU in one line
    process          host, pid and start of the process that works on it
    published        digests of the reports beside it, so that none is uploaded twice
    serving_plan     of a serving run: the plan that came of it

Curves are listed in `assay.training_log`. Beside them stand ``validation_scores/<n>-<label>`` (a
few fixed validation images, see `assay.watching`) and, once registered, the metrics of the test
split.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import hardware, home, processes
from assay.durable import make_folder, write_new
from assay.storage_errors import s3_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

EXPERIMENT = "assay"
PROCESS_TAG = "process"
_INHERITED = ("dataset_version", "zenml_run", "git_commit", "hardware")
"""Tags that a trial has of the run that it stands below."""
ZENML_PAGE_TAG = "zenml_page"
MODEL_VERSION_TAG = "model_version"


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """What a run used, as MLflow's Datasets show it."""

    name: str
    digest: str
    """At most 36 characters."""
    context: str
    """What it was used for, such as training."""
    place: str
    """Path or address."""
    columns: Mapping[str, str]
    """Types by column: ``string``, ``binary``."""
    profile: Mapping[str, str | int]
    """Facts in the reader's words, a line each."""


def client() -> MlflowClient:
    """A client of the tracking store that the environment names."""
    from mlflow import MlflowClient

    prepare_database()
    return MlflowClient()


def prepare_database() -> None:
    """Make the local database where it is missing, as a whole or not at all.

    MLflow migrates a new database step by step, and refuses one that was left on the way.
    """
    from mlflow import MlflowClient

    if exists():
        return
    uri = os.environ["MLFLOW_TRACKING_URI"]
    whole = Path(uri.removeprefix("sqlite:///"))
    with tempfile.TemporaryDirectory(dir=whole.parent) as draft:
        made = Path(draft) / whole.name
        MlflowClient(f"sqlite:///{made}").search_experiments(max_results=1)
        with contextlib.suppress(FileExistsError):  # one that was made meanwhile is as good
            os.link(made, whole)


def experiment_id() -> str:
    """The experiment's id; created on first use, with its artifacts where the environment says.

    That is the state folder, ``mlflow`` below ``ASSAY_STORAGE_URL``, or a URL in
    ``MLFLOW_ARTIFACTS_DESTINATION``; a tracking server decides itself. A deleted one is restored,
    as MLflow keeps its name from any other.
    """
    from mlflow.entities import LifecycleStage

    store = client()
    if experiment := store.get_experiment_by_name(EXPERIMENT):
        if experiment.lifecycle_stage == LifecycleStage.DELETED:
            store.restore_experiment(experiment.experiment_id)
        _warn_of_old_place(str(experiment.artifact_location))
        return str(experiment.experiment_id)
    is_served = str(store.tracking_uri).startswith("http")
    location = None if is_served else _artifacts()
    return str(store.create_experiment(EXPERIMENT, artifact_location=location))


def _warn_of_old_place(location: str) -> None:
    """Say it where models of an experiment stay on one machine though a storage is shared."""
    wanted = home.shared("mlflow")
    if wanted and location.startswith(("file:", "/")) and location != wanted:
        logger.warning(
            "MLflow's artifacts stay in %s, where this experiment was begun; other machines find "
            "its models only in a state folder that is begun with %s",
            location,
            home.STORAGE_VARIABLE,
        )


def _artifacts() -> str:
    """Where artifacts belong that no tracking server takes."""
    named = home.environment()["MLFLOW_ARTIFACTS_DESTINATION"]
    return named if "://" in named else (home.folder("mlflow") / "artifacts").as_uri()


@contextmanager
def run(name: str, parameters: Mapping[str, str], tags: Mapping[str, str]) -> Iterator[str]:
    """Open a run with system metrics and yield its id; it ends FINISHED, FAILED or KILLED."""
    import mlflow

    own = {PROCESS_TAG: processes.identity(), "git_commit": git_commit()}
    active = mlflow.start_run(
        experiment_id=experiment_id(), run_name=name, tags={**own, **tags}, log_system_metrics=True
    )
    status = "FAILED"
    try:
        mlflow.log_params(dict(parameters))
        yield active.info.run_id
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        mlflow.end_run(status)


def log_child(
    parent: str, name: str, parameters: Mapping[str, str], metrics: Mapping[str, float], note: str
) -> None:
    """Add a run below the run ``parent``: one of several trials, which is over already.

    One with a ``note`` on why it came to nothing, and without metrics, is FAILED.
    """
    from mlflow.entities import Metric, Param
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE

    store, now = client(), int(1000 * time.time())
    of_parent = store.get_run(parent).data.tags
    tags = {name: of_parent[name] for name in _INHERITED if name in of_parent}
    tags |= {PROCESS_TAG: processes.identity(), MLFLOW_PARENT_RUN_ID: parent, MLFLOW_RUN_NOTE: note}
    run_id = store.create_run(experiment_id(), tags=tags, run_name=name).info.run_id
    logged = [Metric(key, value, now, 0) for key, value in metrics.items()]
    store.log_batch(run_id, metrics=logged, params=[Param(*pair) for pair in parameters.items()])
    store.set_terminated(run_id, "FINISHED" if metrics else "FAILED")


def log_dataset(run_id: str, use: DatasetUse) -> None:
    """Show among the run's Datasets what it used; the same name and digest is shown once."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.types import ColSpec, Schema
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    schema = Schema([ColSpec(kind, name) for name, kind in use.columns.items()])
    shown = Dataset(
        name=use.name,
        digest=use.digest,
        source_type="local",
        source=json.dumps({"uri": use.place}),
        schema=json.dumps({"mlflow_colspec": schema.to_dict()}),
        profile=json.dumps(dict(use.profile)),
    )
    tags = [InputTag(MLFLOW_DATASET_CONTEXT, use.context)]
    client().log_inputs(run_id, [DatasetInput(shown, tags)])


def existing_or_new(run_id: str, name: str, dataset_version: str) -> str:
    """``run_id`` where the store has it, else a new, finished run of the ZenML run ``name``.

    A cached model may have been tracked in another store than the one that is used now, and its
    run may have been deleted.
    """
    if is_active(run_id):
        return run_id
    tags = {
        "dataset_version": dataset_version,
        "zenml_run": name,
        "hardware": hardware.summary(),
    }
    with run(name, {}, tags) as new:
        return new


def is_active(run_id: str) -> bool:
    """Whether the tracking store has this run, and nobody deleted it."""
    from mlflow.entities import LifecycleStage
    from mlflow.exceptions import MlflowException

    try:
        stage = client().get_run(run_id).info.lifecycle_stage
    except MlflowException:
        return False
    return bool(stage == LifecycleStage.ACTIVE)


def log_metrics(run_id: str, step: int, metrics: Mapping[str, float]) -> None:
    """Add ``metrics`` at ``step`` to a run, open or closed."""
    import mlflow

    mlflow.log_metrics(dict(metrics), step=step, run_id=run_id)


def close_orphans() -> list[str]:
    """Mark runs whose process has died as FAILED; returns their names."""
    orphans = [r for r in _running() if processes.is_dead(r.data.tags.get(PROCESS_TAG, ""))]
    for orphan in orphans:
        client().set_tag(orphan.info.run_id, "ended_by", "its process died")
        client().set_terminated(orphan.info.run_id, "FAILED")
    return [str(orphan.info.run_name) for orphan in orphans]


def running_datasets() -> dict[str, str]:
    """Versions of the datasets that unfinished runs use, each with the run."""
    tags = {run.info.run_name: run.data.tags.get("dataset_version", "") for run in _running()}
    return {version: f"run {name}" for name, version in tags.items() if version}


def _running() -> list[Run]:
    """Runs that have not ended; none without a store: a first run need not wait for MLflow."""
    if not exists():
        return []
    store = client()
    experiment = store.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    return list(store.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'"))


def exists() -> bool:
    """Whether anything may have been tracked: False for a local database that is not there yet."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).exists()


def identity() -> str:
    """A name for the tracking store, equal on all machines that use the same, 16 hex digits.

    Of a local database it is drawn once and kept beside it; equal paths elsewhere are others.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or home.environment()["MLFLOW_TRACKING_URI"]
    if not uri.startswith("sqlite:///"):
        address = re.sub(r"//[^/@]*@", "//", uri)  # without name and password
        return hashlib.sha256(address.encode()).hexdigest()[:16]
    kept = Path(uri.removeprefix("sqlite:///")).with_suffix(".id")
    make_folder(kept.parent)
    write_new(kept, [secrets.token_hex(8).encode()])
    return kept.read_text(encoding="ascii")


def artifact_errors() -> tuple[type[Exception], ...]:
    """What MLflow raises where artifacts cannot be read or written, S3's own errors included."""
    from boto3.exceptions import Boto3Error
    from mlflow.exceptions import MlflowException

    return MlflowException, OSError, Boto3Error, *s3_errors()


def first_line(error: Exception) -> str:
    """The first line of what a library says."""
    return str(error).strip().partition("\n")[0]


def git_commit() -> str:
    """The commit that is checked out, with ``-dirty`` where files differ; empty outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        described = subprocess.run(  # noqa: S603 (fixed arguments)
            command, cwd=home.REPOSITORY, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return described.stdout.strip()
