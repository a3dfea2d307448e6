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
from typing import Any, ClassVar, Protocol, TypeVar

from assay.errors import UnknownPlugin


class Named(Protocol):
    """What every plugin base has: the name that its members are found by."""

    name: ClassVar[str]


T = TypeVar("T", bound=Named)


@cache
def _members(package: str, base: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        module = importlib.import_module(info.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            own = member.__module__ == info.name and not inspect.isabstract(member)
            if own and issubclass(member, base) and hasattr(member, "name"):
                found[member.name] = member
    return dict(sorted(found.items()))


def discover(package: str, base: type[T]) -> dict[str, type[T]]:
    """All concrete subclasses of ``base`` in the modules of ``package``, by their ``name``."""
    return dict(_members(package, base))


def find(package: str, base: type[T], name: str) -> type[T]:
    """The member called ``name``; raises `UnknownPlugin` with the nearest right name."""
    members = discover(package, base)
    if name not in members:
        raise UnknownPlugin(package.rsplit(".", 1)[-1].rstrip("s"), name, members)
    return members[name]
