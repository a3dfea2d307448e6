"""The validators of infra/: commands that `make validators` installs beside the project."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.set_up import ROOT
from scripts.validators import ENVIRONMENTS


@pytest.fixture(scope="session")
def validator() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a validator in the root: ``validator("yamllint", "--strict", path)``; checks no status.

    The other commands are on its PATH, since some call others.
    """
    if not all(environment.is_installed() for environment in ENVIRONMENTS):
        pytest.skip("the validators are not installed, or older than their pins: `make validators`")
    folders = [str(environment.folder / "bin") for environment in ENVIRONMENTS]
    environment = os.environ | {"PATH": os.pathsep.join([*folders, os.environ["PATH"]])}

    def run(
        command: str, *arguments: str | Path, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        found = next(path for f in folders if (path := Path(f) / command).exists())
        return subprocess.run(
            [found, *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
