"""Write requirements.lock from pyproject.toml: `make lock`, or `make lock UPGRADE=1`.

The lock is one universal resolution with hashes. Existing pins stay unless ``--upgrade`` is given.
torch is named by its public version without a hash and without its CUDA libraries, so that the
CPU wheel and the registry's CUDA build both satisfy it (docs/decisions/0050).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEADER = "# Written by `make lock` from pyproject.toml; do not edit.\n"
_CUDA = re.compile(r"(nvidia-(?!ml-py\b)|cuda-|triton\b)")


def main() -> int:
    """Resolve, make portable, write; returns uv's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        resolved = Path(folder) / "requirements.txt"
        if LOCK.exists():
            resolved.write_text(LOCK.read_text())
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--group", "dev", *sys.argv[1:]]
        command += ["--output-file", str(resolved), "pyproject.toml"]
        status = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        if status.returncode == 0:
            LOCK.write_text(portable(resolved.read_text()))
    return status.returncode


def portable(resolution: str) -> str:
    """A resolution without CUDA packages, local versions, index addresses and torch's hashes."""
    kept = (entry for entry in _entries(resolution) if not _CUDA.match(entry))
    return HEADER + "".join(_without_build(entry) for entry in kept)


def _entries(resolution: str) -> Iterator[str]:
    """One string a package: the pin, its hashes and its `# via` comment."""
    yield from re.findall(r"^[a-z0-9].*\n(?:[ \t].*\n)*", resolution, re.MULTILINE)


def _without_build(entry: str) -> str:
    if not entry.startswith("torch=="):
        return entry
    entry = re.sub(r" \\\n +--hash=\S+", "", entry)
    return re.sub(r"\+[\w.]+", "", entry)


if __name__ == "__main__":
    sys.exit(main())
