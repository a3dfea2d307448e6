"""The validators of infra/: commands of .venv-validators, which `make validators` installs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import validators

ROOT = validators.VENV.parent


@pytest.fixture(scope="session")
def validator() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a validator in the root: ``validator("yamllint", "--strict", path)``; checks no status.

    The other commands of the environment are on its PATH, since some call others.
    """
    if not validators.installed():
        pytest.skip("the validators are not installed, or older than their pins: `make validators`")
    commands = validators.VENV / "bin"
    environment = os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}

    def run(
        command: str, *arguments: str | Path, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [commands / command, *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
