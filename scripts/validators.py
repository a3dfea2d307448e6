"""Put the validators of infra/ into environments of their own: `make validators`.

Each is pinned with hashes in a file of infra/; nothing that serves or trains needs them. Only
wheels, so no package builds or downloads anything behind the installer's back. A stamp names the
pins that were installed, as in `scripts.set_up`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from scripts import set_up


class Environment(NamedTuple):
    """Pins, and the folder that they are installed into."""

    pins: Path
    folder: Path

    @property
    def stamp(self) -> Path:
        """The file that names what is installed; absent while it is not finished."""
        return self.folder / "installed-pins.sha256"

    def fingerprint(self) -> str:
        """Hash of the pins."""
        return hashlib.sha256(self.pins.read_bytes()).hexdigest()

    def is_installed(self) -> bool:
        """Whether the folder holds exactly the pins."""
        return self.stamp.is_file() and self.stamp.read_text().strip() == self.fingerprint()

    def install(self) -> None:
        """Build the folder anew; raises `subprocess.CalledProcessError` when uv fails."""
        self.stamp.unlink(missing_ok=True)
        uv = str(set_up.VENV / "bin" / "uv")
        create = [uv, "venv", "--quiet", "--clear", "--python", str(set_up.PYTHON)]
        install = [uv, "pip", "install", "--quiet", "--only-binary", ":all:"]
        install += ["--python", str(self.folder / "bin" / "python")]
        for command in ([*create, str(self.folder)], [*install, "--requirement", str(self.pins)]):
            environment = set_up.environment_for_uv(os.environ)
            subprocess.run(command, check=True, env=environment, cwd=set_up.ROOT)
        self.stamp.write_text(self.fingerprint() + "\n")


ENVIRONMENTS = tuple(
    Environment(set_up.ROOT / "infra" / f"{name}.txt", set_up.ROOT / f".venv-{name}")
    for name in ("validators", "checkov")
)


def main() -> int:
    """Install where the pins differ from what is installed; returns the exit status."""
    try:
        for environment in ENVIRONMENTS:
            if not environment.is_installed():
                environment.install()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"validators: {' '.join(error.cmd[1:3])} failed; see its message above\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
