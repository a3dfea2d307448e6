"""Put the locked environment into .venv: `python3.11 scripts/set_up.py`, or any make target.

Only the standard library, because it runs before anything is installed. The stamp in .venv names
the lock that was installed; it is removed before any change and written after it, so a set-up that
was interrupted, even by kill -9, leaves no stamp and the next call builds .venv anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed-lock.sha256"
CACHE = ROOT / ".assay" / "cache" / "uv"
"""Outside .venv, so that rebuilding an interrupted .venv downloads nothing twice."""


def main() -> int:
    """Set up if the lock differs from what is installed; returns the exit status."""
    with _only_one_at_a_time():
        if installed() == fingerprint():
            return 0
        try:
            set_up()
        except subprocess.CalledProcessError as error:
            _say(f"{' '.join(map(str, error.cmd[:4]))} ... failed; see its message above")
            return 1
    return 0


def fingerprint() -> str:
    """Hash of the lock file."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def installed() -> str | None:
    """Hash of the lock that .venv holds; None if it is absent, unfinished or without its Python."""
    return STAMP.read_text().strip() if STAMP.is_file() and PYTHON.exists() else None


def set_up() -> None:
    """Build or update .venv; raises `subprocess.CalledProcessError` when a tool fails."""
    complete = installed() is not None
    STAMP.unlink(missing_ok=True)
    environment = environment_for_uv(os.environ)
    if not complete:
        _say("creating .venv (a few minutes the first time; later calls skip this)")
        shutil.rmtree(VENV, ignore_errors=True)
        _run(sys.executable, "-m", "venv", VENV)
        _run(PYTHON, "-m", "pip", "install", "--quiet", "--no-cache-dir", uv_requirement())
    if advice := torch_advice(os.environ):
        _say(advice)
    _run(*install_command(os.environ), environment=environment)
    STAMP.write_text(fingerprint() + "\n")


def uv_requirement() -> str:
    """The pinned installer, `uv==...`, as the lock has it."""
    pin = re.search(r"^uv==[\w.]+", LOCK.read_text(), re.MULTILINE)
    if pin is None:
        raise SystemExit("set-up: requirements.lock does not pin uv")
    return pin.group()


def install_command(environment: Mapping[str, str]) -> list[str | Path]:
    """The command that installs the lock.

    Extra wheel folders come from PIP_FIND_LINKS (separated by spaces, as pip reads it), which uv
    itself does not look at. Where Python is told not to write bytecode, as in many containers, it
    is compiled now, or every process would compile its imports again.
    """
    command: list[str | Path] = [VENV / "bin" / "uv", "pip", "install", "--python", PYTHON]
    command += ["--requirement", LOCK]
    if not sys.stderr.isatty():
        command.append("--quiet")
    if environment.get("PYTHONDONTWRITEBYTECODE"):
        command.append("--compile-bytecode")
    for place in environment.get("PIP_FIND_LINKS", "").split():
        command += ["--find-links", place]
    return command


def environment_for_uv(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: what pip would honour, and a cache inside the repository.

    The user's own UV_* and SSL_CERT_FILE win over what is derived from PIP_*.
    """
    derived = {"UV_CACHE_DIR": str(CACHE), "UV_SYSTEM_CERTS": "true"}
    for pip_name, name in (("PIP_CERT", "SSL_CERT_FILE"), ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")):
        if environment.get(pip_name):
            derived[name] = environment[pip_name]
    return derived | dict(environment)


def torch_advice(environment: Mapping[str, str]) -> str | None:
    """One line about the size of torch where nothing says which build to take, else None."""
    if sys.platform != "linux" or {"PIP_FIND_LINKS", "UV_TORCH_BACKEND"} & environment.keys():
        return None
    return (
        "torch comes with its CUDA libraries (several GB); a machine without a GPU saves them with "
        "UV_TORCH_BACKEND=cpu, or PIP_FIND_LINKS=FOLDER_WITH_A_CPU_WHEEL"
    )


@contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    # The kernel drops the lock with the process, so kill -9 leaves nothing to clean up.
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE.parent / "set-up.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=environment, cwd=ROOT)


def _say(message: str) -> None:
    sys.stderr.write(f"set-up: {message}\n")


if __name__ == "__main__":
    sys.exit(main())
