"""The state folder: where everything that Assay writes lives, and the variables that say so.

`prepare_environment` has to run before zenml, mlflow or transformers are imported: they read their
variables at import time. A variable that the user has set wins, so a shared ZenML server
(``ZENML_STORE_URL``) or MLflow server (``MLFLOW_TRACKING_URI``) is honoured.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from assay.errors import StorageError
from assay.parallel import cores

REPOSITORY = Path(__file__).resolve().parent.parent
STORAGE_VARIABLE = "ASSAY_STORAGE_URL"

_QUIET = {
    "AUTO_OPEN_DASHBOARD": "false",
    "BENTOML_DO_NOT_TRACK": "True",
    "GIT_PYTHON_REFRESH": "quiet",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # five processes, for judging agents
    "MLFLOW_WORKERS": "1",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # it warns of what Ray Data itself does
    "RAY_USAGE_STATS_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_DISABLE_CLIENT_SERVER_MISMATCH_WARNING": "true",
    "ZENML_DISABLE_STEP_NAMES_IN_LOGS": "true",
    "ZENML_ENABLE_REPO_INIT_WARNINGS": "false",
    "ZENML_ENABLE_RICH_TRACEBACK": "false",
    "ZENML_LOGGING_VERBOSITY": "WARN",
}
"""Quiet, offline, no telemetry; independent of where the state lives."""


def root() -> Path:
    """The state folder: ``ASSAY_HOME``, else ``.assay`` in the repository or current directory."""
    if chosen := os.environ.get("ASSAY_HOME"):
        return Path(chosen).expanduser().resolve()
    is_checkout = (REPOSITORY / "run.py").is_file()
    return (REPOSITORY if is_checkout else Path.cwd()) / ".assay"


def folder(name: str) -> Path:
    """The sub-folder ``name`` (datasets, models, logs, mlflow ...) of the state, created."""
    path = root() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def shared(name: str = "") -> str:
    """``ASSAY_STORAGE_URL``, or the URL of ``name`` (images, mlflow ...) below it.

    Empty where that is not set: then nothing is shared, and all lies in the state folder.
    """
    chosen = os.environ.get(STORAGE_VARIABLE, "").rstrip("/")
    if not chosen:
        return ""
    if "://" not in chosen:
        chosen = Path(chosen).expanduser().resolve().as_uri()
    return f"{chosen}/{name}".rstrip("/")


def environment() -> dict[str, str]:
    """Every variable that points a library at the state folder; the user's own values win."""
    home = root()
    state = {
        "HF_HOME": home / "cache" / "huggingface",
        "MLFLOW_ARTIFACTS_DESTINATION": shared("mlflow") or home / "mlflow" / "artifacts",
        "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow' / 'mlflow.db'}",
        "MPLCONFIGDIR": home / "cache" / "matplotlib",
        "TORCHINDUCTOR_CACHE_DIR": home / "cache" / "torchinductor",
        "UV_CACHE_DIR": home / "cache" / "uv",  # ZenML lists the packages of a run through uv
        "ZENML_CONFIG_PATH": home / "zenml",
    }
    defaults = {
        "ASSAY_HOME": str(home),
        # Threads that wait for one another on shared cores ran up to ten times slower than one.
        "OMP_NUM_THREADS": str(max(1, cores() // 2)),
        **{k: str(v) for k, v in state.items()},
        **_QUIET,
    }
    tracked = os.environ.get("MLFLOW_TRACKING_URI", defaults["MLFLOW_TRACKING_URI"])
    if not tracked.startswith("http"):  # a database, which `mlflow ui` reads by this name only
        defaults["MLFLOW_BACKEND_STORE_URI"] = tracked
    return {name: os.environ.get(name, value) for name, value in sorted(defaults.items())}


def prepare_environment() -> Path:
    """Set `environment` in this process and write it to ``env`` in the state folder.

    ``source .assay/env`` then points the plain ``zenml`` and ``mlflow`` commands at the state.
    Returns the state folder. Raises `StorageError` for one that was moved or copied: ZenML and
    MLflow keep absolute paths, so it would silently work on the folder that it came from.
    """
    home, variables = root(), environment()
    _refuse_moved(home)
    os.environ.update(variables)
    for name in ("zenml", "mlflow"):
        folder(name)
    exports = "".join(f"export {k}={shlex.quote(v)}\n" for k, v in variables.items())
    (home / "env").write_text(exports, encoding="utf-8")
    return home


def _refuse_moved(home: Path) -> None:
    stored = home / "env"
    if not stored.is_file():
        return
    lines = stored.read_text(encoding="utf-8").splitlines()
    prefix = "export ASSAY_HOME="
    made = next((" ".join(shlex.split(s.removeprefix(prefix))) for s in lines if prefix in s), "")
    if made and Path(made) != home:
        raise StorageError(
            f"{home} is a state folder that was made as {made}, and its databases still point "
            "there; move it back, or delete it and train again"
        )
