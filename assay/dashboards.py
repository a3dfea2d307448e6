"""Where both dashboards of a state folder answer, and links into them.

A link is written into a run's description and has to open months later, so each state folder
chooses its ports once and keeps them. Only pages that the open-source dashboards have get a link:
ZenML 0.98 has none for a single artifact or model version (decision 0053).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from assay import home
from assay.errors import StorageError
from assay.servers import LOOPBACK

ZENML, MLFLOW = "zenml", "mlflow"
PORTS = range(20_000, 32_000)
"""Below what Linux and macOS hand to outgoing connections, so a kept port tends to stay free."""

_SERVERS = {ZENML: "ZENML_STORE_URL", MLFLOW: "MLFLOW_TRACKING_URI"}
_TRAINING = "?workflowType=machine_learning"  # else MLflow 3 opens among its pages for agents


@dataclass(frozen=True)
class Addresses:
    """Base URLs of both dashboards, without a slash at the end."""

    zenml: str
    mlflow: str

    def zenml_run(self, run_id: str, project: str) -> str:
        """The page of a ZenML run, with its graph; its artifacts open from there."""
        return f"{self.zenml}/projects/{quote(project)}/runs/{run_id}"

    def mlflow_experiment(self, experiment_id: str) -> str:
        """The runs of an MLflow experiment."""
        return f"{self.mlflow}/#/experiments/{experiment_id}/runs{_TRAINING}"

    def mlflow_run(self, experiment_id: str, run_id: str) -> str:
        """The overview of an MLflow run."""
        return f"{self.mlflow}/#/experiments/{experiment_id}/runs/{run_id}{_TRAINING}"

    def mlflow_metrics(self, experiment_id: str, run_id: str) -> str:
        """The curves of an MLflow run."""
        page = f"experiments/{experiment_id}/runs/{run_id}/model-metrics"
        return f"{self.mlflow}/#/{page}{_TRAINING}"

    def mlflow_artifact(self, experiment_id: str, run_id: str, path: str = "") -> str:
        """An artifact of an MLflow run, or all of them."""
        page = f"experiments/{experiment_id}/runs/{run_id}/artifacts/{quote(path)}".rstrip("/")
        return f"{self.mlflow}/#/{page}{_TRAINING}"

    def mlflow_model_version(self, model: str, version: str) -> str:
        """A version in MLflow's model registry."""
        return f"{self.mlflow}/#/models/{quote(model, safe='')}/versions/{version}{_TRAINING}"


def addresses() -> Addresses:
    """Those of the servers that the user names, else of this state folder's kept ports."""
    return Addresses(address(ZENML), address(MLFLOW))


def address(server: str) -> str:
    """The base URL of ``server`` (`ZENML` or `MLFLOW`)."""
    return remote(server) or f"http://{LOOPBACK}:{port(server)}"


def remote(server: str) -> str | None:
    """The URL of a server of the user's own, which is not ours to start; None without one."""
    named = os.environ.get(_SERVERS[server], "")
    return named.rstrip("/") if named.startswith(("http://", "https://")) else None


def port(server: str) -> int:
    """The port on which ``server`` answers; chosen when first asked for, then kept."""
    return _kept()[server]


def move(server: str) -> int:
    """Choose and keep another port for ``server``, whose own is taken; links to it go stale."""
    ports = _kept()
    ports[server] = choose_port(taken=set(ports.values()))
    _written(ports).replace(_file())
    return ports[server]


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of this machine's loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_port(taken: Collection[int]) -> int:
    """A port of `PORTS` that is free now, and none of ``taken``."""
    candidates = random.SystemRandom().sample(PORTS, len(PORTS))
    return next(port for port in candidates if port not in taken and is_free(port))


def _file() -> Path:
    return home.root() / "dashboards.json"


def _kept() -> dict[str, int]:
    if not _file().exists():
        first = choose_port(taken=())
        written = _written({ZENML: first, MLFLOW: choose_port(taken=(first,))})
        with contextlib.suppress(FileExistsError):  # a run that started beside this one chose
            os.link(written, _file())
        written.unlink()
    try:
        ports = json.loads(_file().read_text(encoding="utf-8"))
        return {server: int(ports[server]) for server in (ZENML, MLFLOW)}
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{_file()} does not name two ports; delete it, and others are chosen"
        ) from error


def _written(ports: dict[str, int]) -> Path:
    """A whole file with ``ports`` beside the one that is read, ready to take its place."""
    path = _file().with_suffix(f".{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ports), encoding="utf-8")
    return path
