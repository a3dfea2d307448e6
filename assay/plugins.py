"""Plugin folders: a new member is one new file, found by its class.

A plugin folder is a package whose ``__init__`` holds an abstract base with a ``name``; every module
beside it may define concrete subclasses. `discover` imports the folder's modules once and indexes
the classes, so nothing has to be listed by hand.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any, TypeVar

from assay.errors import UnknownPlugin

T = TypeVar("T")


@cache
def _members(package: str, base: type[Any]) -> dict[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        for candidate in vars(importlib.import_module(module.name)).values():
            if (
                inspect.isclass(candidate)
                and issubclass(candidate, base)
                and not inspect.isabstract(candidate)
                and candidate.__module__ == module.name
            ):
                found[candidate.name] = candidate
    return dict(sorted(found.items()))


def discover(package: str, base: type[T]) -> dict[str, type[T]]:
    """All concrete subclasses of ``base`` in the modules of ``package``, by their ``name``."""
    return dict(_members(package, base))


def find(package: str, base: type[T], name: str) -> type[T]:
    """The member called ``name``; raises `UnknownPlugin` with the nearest right name."""
    members = _members(package, base)
    if name not in members:
        raise UnknownPlugin(package.rsplit(".", 1)[-1].rstrip("s"), name, members)
    return members[name]
