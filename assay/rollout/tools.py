"""Command-line tools of engines and clusters, called with lists of words: no shell reads them."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.errors import RolloutFailed

logger = logging.getLogger(__name__)

_REMEDIES = {
    "docker": "install Docker Engine with its compose and buildx plugins",
    "kubectl": "install kubectl and point it at the cluster (KUBECONFIG)",
    "podman": "install podman",
    "podman-compose": "install podman and podman-compose",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A program with the words that every call of it begins with."""

    words: tuple[str, ...]
    folder: Path | None = None
    """Where it runs; None for here."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside this process's own variables."""

    def __call__(self, *words: str, given: str = "", timeout: float = 120.0) -> str:
        """What it prints, with ``given`` on its standard input.

        Raises `RolloutFailed` in one line where the program is missing, takes longer than
        ``timeout`` seconds or fails: the line is the last that it wrote to its standard error.
        """
        command = [*self.words, *words]
        logger.debug("running %s", command)
        try:
            done = subprocess.run(  # noqa: S603 - words of ours, no shell
                command,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                input=given,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise RolloutFailed(_missing(command[0])) from error
        except subprocess.TimeoutExpired as error:
            spoken = " ".join(command[:4])
            raise RolloutFailed(f"{spoken} took longer than {timeout:.0f} s") from error
        if done.returncode:
            raise RolloutFailed(_failed(command, done.returncode, done.stderr))
        return done.stdout


def _missing(program: str) -> str:
    remedy = _REMEDIES.get(program, f"install {program}")
    return f"{program} is not on PATH; {remedy}, or deploy with --set target=local"


def _failed(command: Sequence[str], status: int, printed: str) -> str:
    """The last line is where these tools say what went wrong."""
    words = printed.strip().rpartition("\n")[2]
    return f"{' '.join(command[:4])} ended with status {status}: {words or 'no reason given'}"
