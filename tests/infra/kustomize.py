"""Renders an overlay as `kubectl kustomize` does, for the few features that infra/ uses.

kustomize is in no package registry that the tests can install from. This knows little and refuses
the rest; where kubectl is installed, a test holds it to the original.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_KEYS = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
"""Lists that a strategic merge joins, and what tells their items apart; it replaces other lists."""
_KNOWN = {"apiVersion", "kind", "resources", "patches", "images", "labels", "namespace"} | {
    "nameSuffix"
}
_WITHOUT_NAMESPACE = ("Namespace",)


def render(folder: Path) -> list[Manifest]:
    """All objects of the kustomization in ``folder``; raises `ValueError` for what it cannot do."""
    settings = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := settings.keys() - _KNOWN:
        raise ValueError(f"{folder}: {sorted(unknown)} is not known to this renderer")
    found = [one for name in settings["resources"] for one in _resource(folder / name)]
    for patch in settings.get("patches", ()):
        for change in _documents(folder / patch["path"]):
            found = _patched(found, change, patch.get("target"))
    for one in found:
        _transform(one, settings)
    return found


def _resource(path: Path) -> list[Manifest]:
    return render(path) if path.is_dir() else _documents(path)


def _documents(path: Path) -> list[Any]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def _patched(found: list[Manifest], change: Any, target: Manifest | None) -> list[Manifest]:
    """``found`` with a strategic merge, or with JSON operations (RFC 6902) on ``target``."""
    wanted = target or {"kind": change["kind"], "name": change["metadata"]["name"]}
    matching = [one for one in found if _is(one, wanted)]
    if len(matching) != 1:
        raise ValueError(f"a patch fits {len(matching)} objects: {wanted}")
    if isinstance(change, list):
        for operation in change:
            _operate(matching[0], operation)
    elif change.get("$patch") == "delete":
        return [one for one in found if one is not matching[0]]
    else:
        _merge(matching[0], change)
    return found


def _is(one: Manifest, wanted: Manifest) -> bool:
    return (one["kind"], one["metadata"]["name"]) == (wanted["kind"], wanted["name"])


def _operate(one: Manifest, operation: Manifest) -> None:
    *path, last = [int(s) if s.isdigit() else s for s in operation["path"].split("/")[1:]]
    place: Any = one
    for step in path:
        place = place[step]
    if operation["op"] == "test" and place[last] != operation["value"]:
        raise ValueError(f"{operation['path']} is {place[last]!r}, not {operation['value']!r}")
    if operation["op"] == "replace":
        place[last] = operation["value"]


def _merge(into: Manifest, change: Manifest) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif key in _KEYS and key in into:
            _join(into[key], value, _KEYS[key])
        else:
            into[key] = copy.deepcopy(value)


def _join(into: list[Manifest], items: list[Manifest], key: str) -> None:
    for item in items:
        same = [one for one in into if one[key] == item[key]]
        if same:
            _merge(same[0], item)
        else:
            into.append(copy.deepcopy(item))


def _transform(one: Manifest, settings: Manifest) -> None:
    metadata = one["metadata"]
    for labels in settings.get("labels", ()):
        metadata["labels"] = metadata.get("labels", {}) | labels["pairs"]
    if "namespace" in settings and one["kind"] not in _WITHOUT_NAMESPACE:
        metadata["namespace"] = settings["namespace"]
    metadata["name"] += settings.get("nameSuffix", "")
    for image in settings.get("images", ()):
        _walk(one, lambda box, image=image: _rename(box, image))


def _rename(box: Manifest, image: Manifest) -> None:
    if str(box.get("image", "")).rpartition(":")[0] == image["name"]:
        box["image"] = f"{image['newName']}:{image['newTag']}"


def _walk(node: Any, visit: Callable[[Manifest], None]) -> None:
    if isinstance(node, dict):
        visit(node)
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            _walk(child, visit)
