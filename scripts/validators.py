"""Put the validators of infra/ into .venv-validators: `make validators`.

An environment of its own, pinned with hashes in infra/validators.txt: nothing that serves or trains
needs them. Only wheels, so no package builds or downloads anything behind the installer's back.
The stamp names the pins that were installed, as in `scripts.set_up`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from scripts import set_up

PINS = set_up.ROOT / "infra" / "validators.txt"
VENV = set_up.ROOT / ".venv-validators"
STAMP = VENV / "installed-pins.sha256"


def main() -> int:
    """Install if the pins differ from what is installed; returns the exit status."""
    if installed():
        return 0
    STAMP.unlink(missing_ok=True)
    try:
        _install()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"validators: {' '.join(error.cmd[1:3])} failed; see its message above\n")
        return 1
    STAMP.write_text(fingerprint() + "\n")
    return 0


def fingerprint() -> str:
    """Hash of the pins."""
    return hashlib.sha256(PINS.read_bytes()).hexdigest()


def installed() -> bool:
    """Whether .venv-validators holds exactly the pins."""
    return STAMP.is_file() and STAMP.read_text().strip() == fingerprint()


def _install() -> None:
    """Build .venv-validators anew; raises `subprocess.CalledProcessError` when uv fails."""
    uv = str(set_up.VENV / "bin" / "uv")
    environment = set_up.environment_for_uv(os.environ)
    create = [uv, "venv", "--quiet", "--clear", "--python", str(set_up.PYTHON), str(VENV)]
    install = [uv, "pip", "install", "--quiet", "--python", str(VENV / "bin" / "python")]
    install += ["--only-binary", ":all:", "--requirement", str(PINS)]
    for command in (create, install):
        subprocess.run(command, check=True, env=environment, cwd=set_up.ROOT)


if __name__ == "__main__":
    sys.exit(main())
