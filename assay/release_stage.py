"""The folder from which a bento is built: code, model, plan and requirements, and nothing else.

What is copied is named, not what is left out: a key or an ``.env`` that lies about never gets in.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from assay import model_folder
from assay.errors import ConfigError
from assay.release_requirements import OURS, requirements
from assay.serving_plan import PLAN_FILE

MODEL, REQUIREMENTS, BENTOFILE = "model", "requirements.txt", "bento/bentofile.yaml"

PACKAGED = (
    ".py", ".toml", ".json", ".safetensors", ".jinja", ".mako",
    ".html", ".css", ".js", ".svg", ".md",
)  # fmt: skip
"""Endings of the files of code, weights and pages."""


def stage(root: Path, model: Path, plan: Path | None, into: Path) -> None:
    """Fill the new folder ``into`` with the code under ``root``, ``model`` and ``plan``.

    Raises `CheckpointMismatch` for a model folder that holds anything but safetensors and their
    settings, and `ConfigError` where a package or the plan is missing.
    """
    names = model_folder.files(model)  # refused before anything is copied
    _copy(model, names, into / MODEL)
    for package in OURS:
        _copy(root / package, _code(root / package), into / package)
    _copy(root, [BENTOFILE], into)
    if plan is not None:
        _copy_plan(plan, into)
    (into / REQUIREMENTS).write_text(requirements(root), encoding="utf-8")


def _code(folder: Path) -> list[str]:
    """Relative names of what belongs to a package; caches, hidden files and links do not."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix in PACKAGED)
    return sorted(name.as_posix() for name in names if _is_plain(folder, name))


def _is_plain(folder: Path, name: Path) -> bool:
    path = folder / name
    hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    return path.is_file() and not path.is_symlink() and not hidden


def _copy(folder: Path, names: list[str] | tuple[str, ...], into: Path) -> None:
    """Copy files with fresh permissions: weights that only their owner may read would not start."""
    for name in names:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target)


def _copy_plan(plan: Path, into: Path) -> None:
    if not plan.is_file():
        raise ConfigError(f"there is no serving plan {plan}; run.py --pipeline optimize makes one")
    shutil.copyfile(plan, into / PLAN_FILE)
