"""What the code imports is what pyproject.toml asks for: no more, no less, nothing by accident."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("assay", "bento", "pipelines", "steps", "materializers")
NEEDED_UNSEEN = {
    "accelerate": "the Trainer imports it",
    "safetensors": "transformers and peft write weights with it",
    "psycopg": "SQLAlchemy loads it for a URL of PostgreSQL",
    "python-multipart": "Starlette parses forms with it",
    "s3fs": "fsspec loads it for an address that begins with s3:",
    "scikit-image": "its photographs are read without importing it",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = packages_distributions()


def imported() -> set[str]:
    """Top-level names of all imports, wherever in a file they stand."""
    files = [ROOT / "run.py", *(f for folder in FOLDERS for f in (ROOT / folder).rglob("*.py"))]
    names = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"run", *FOLDERS}


def bringing(name: str) -> set[str]:
    """The packages that bring the module ``name``; several where one is split up."""
    found = PACKAGES.get(name, [name])
    return {re.sub(r"[-_.]+", "-", package).lower() for package in found}


def asked_for() -> set[str]:
    return {re.match(r"[\w-]+", requirement).group() for requirement in PROJECT["dependencies"]}


def test_every_import_is_a_declared_dependency() -> None:
    assert {name for name in imported() if not bringing(name) & asked_for()} == set()


def test_every_declared_dependency_is_used() -> None:
    used = set().union(*map(bringing, imported()))
    assert asked_for() - used <= set(NEEDED_UNSEEN)
