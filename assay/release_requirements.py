"""What a built service needs installed: the part of requirements.lock that its code reaches.

Found by reading, not by importing: from the service's module along every import to the packages
outside, and from those along the ``# via`` comments of the lock, which name who asked for what.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from assay.errors import ConfigError

SERVICE = "bento.service"
OURS = ("assay", "bento")
"""The packages that are packaged."""

UNSEEN = {
    "psycopg": "SQLAlchemy loads it for a URL of PostgreSQL",
    "python-multipart": "Starlette parses forms with it",
    "s3fs": "fsspec loads it for an address that begins with s3:",
    "scikit-image": "the console's examples are its photographs, read without importing it",
}
"""Distributions that no import names."""

_ENTRY = re.compile(r"^[a-z0-9].*\n(?:[ \t].*\n)*", re.MULTILINE)
_VIA = re.compile(r"\n {4}# via\b(.*)\Z", re.DOTALL)


def requirements(root: Path) -> str:
    """The lines of ``root``'s requirements.lock that the service there needs, hashes included.

    Raises `ConfigError` for a package that the lock does not pin.
    """
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    return subset(lock, distributions(imported(root)))


def subset(lock: str, wanted: set[str]) -> str:
    """The entries of ``lock`` for the ``wanted`` distributions and all that these ask for.

    Raises `ConfigError` for one that the lock does not pin.
    """
    entries = {_name(entry): entry for entry in _ENTRY.findall(lock)}
    if missing := wanted - entries.keys():
        raise ConfigError(
            f"requirements.lock does not pin {', '.join(sorted(missing))}, which the service "
            "imports; declare it in pyproject.toml and run: make lock"
        )
    askers = {name: _askers(entry) for name, entry in entries.items()}
    kept = set(wanted)
    while more := {name for name in entries.keys() - kept if askers[name] & kept}:
        kept |= more
    return "".join(_VIA.sub("\n", entries[name]) for name in sorted(kept))


def imported(root: Path) -> set[str]:
    """Top-level names of the foreign modules that the service under ``root`` imports, anywhere.

    All members of a plugin folder count as imported, as any of them may be asked for by name.
    """
    foreign, seen, pending = set[str](), set[Path](), [SERVICE]
    while pending:
        file = _file(root, pending.pop())
        if file is None or file in seen:
            continue
        seen.add(file)
        for name in _names(root, file):
            if name.partition(".")[0] in OURS:
                pending.append(name)
            else:
                foreign.add(name.partition(".")[0])
    return foreign - set(sys.stdlib_module_names)


def distributions(modules: set[str]) -> set[str]:
    """The normalised names of the packages that bring ``modules``, with those of `UNSEEN`."""
    known = packages_distributions()
    found = {package for module in modules for package in known.get(module, [module])}
    return {re.sub(r"[-_.]+", "-", package).lower() for package in found} | UNSEEN.keys()


def _names(root: Path, file: Path) -> Iterator[str]:
    """What a file imports when it runs, and the plugin folders that it looks into."""
    pending: list[ast.AST] = [ast.parse(file.read_bytes())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Name) and node.id == "plugins":
            yield from _members(root, file.parent)
        elif isinstance(node, ast.Constant) and str(node.value).startswith("assay."):
            yield from _plugin_folder(root, str(node.value))
        is_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        pending += [] if is_for_types else ast.iter_child_nodes(node)


def _plugin_folder(root: Path, name: str) -> Iterator[str]:
    """A package that a string names, as plugins elsewhere are looked for; with its members."""
    file = _file(root, name)
    if file is not None and file.name == "__init__.py":
        yield name
        yield from _members(root, file.parent)


def _members(root: Path, folder: Path) -> Iterator[str]:
    package = ".".join(folder.relative_to(root).parts)
    return (f"{package}.{path.stem}" for path in folder.iterdir() if path.suffix in ("", ".py"))


def _file(root: Path, module: str) -> Path | None:
    """The file of one of our modules; None for a name that stands inside one."""
    if not re.fullmatch(r"\w+(\.\w+)*", module):
        return None
    path = root.joinpath(*module.split("."))
    files = path.with_suffix(".py"), path / "__init__.py"
    return next((file for file in files if file.is_file()), None)


def _name(entry: str) -> str:
    return re.split(r"[^a-z0-9-]", entry, maxsplit=1)[0]


def _askers(entry: str) -> set[str]:
    """The packages that asked for the one of ``entry``."""
    via = _VIA.search(entry)
    return set(re.findall(r"^[ #]*([a-z0-9-]+)", via[1], re.MULTILINE)) if via else set()
