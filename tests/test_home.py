"""The state folder and the variables that point every library at it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from assay import home
from assay.errors import StorageError


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which only ASSAY_HOME is set; restored after the test."""
    for name in home.environment():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return tmp_path / "state"


def test_a_state_folder_that_was_moved_is_refused(clean: Path):
    home.prepare_environment()
    moved = clean.rename(clean.with_name("moved"))
    os.environ["ASSAY_HOME"] = str(moved)
    with pytest.raises(StorageError, match=f"made as {clean}"):
        home.prepare_environment()
    assert sorted(p.name for p in moved.iterdir()) == ["env", "mlflow", "zenml"]


def test_the_same_state_folder_is_used_again(clean: Path):
    assert home.prepare_environment() == home.prepare_environment() == clean


def test_root_is_in_the_repository_unless_moved(clean: Path):
    assert home.root() == clean
    del os.environ["ASSAY_HOME"]
    assert home.root() == home.REPOSITORY / ".assay"


def test_environment_keeps_every_path_inside_the_state(clean: Path):
    paths = [value for value in home.environment().values() if "/" in value]
    assert len(paths) > 4
    assert all(str(clean) in value for value in paths)


@pytest.mark.parametrize("name", ["ZENML_STORE_URL", "MLFLOW_TRACKING_URI"])
def test_environment_honours_the_servers_of_the_user(clean: Path, name: str):
    os.environ[name] = "https://server.example"
    home.prepare_environment()
    assert os.environ[name] == "https://server.example"
    if name in home.environment():
        assert f"export {name}=https://server.example" in (clean / "env").read_text()


def test_env_file_gives_a_shell_the_same_variables(clean: Path):
    home.prepare_environment()
    script = f'. "{clean / "env"}" && printf %s "$ZENML_CONFIG_PATH $MLFLOW_TRACKING_URI"'
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, env={})
    assert shown.stdout == f"{clean / 'zenml'} sqlite:///{clean / 'mlflow' / 'mlflow.db'}"


def test_folder_is_created_below_the_root(clean: Path):
    assert home.folder("cache/artifacts").is_dir()
    assert (clean / "cache" / "artifacts").is_dir()


def test_plain_mlflow_ui_opens_the_same_database(clean: Path):
    variables = home.environment()
    assert variables["MLFLOW_BACKEND_STORE_URI"] == variables["MLFLOW_TRACKING_URI"]
    os.environ["MLFLOW_TRACKING_URI"] = "https://server.example"
    assert "MLFLOW_BACKEND_STORE_URI" not in home.environment()
