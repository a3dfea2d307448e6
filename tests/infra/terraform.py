"""Terraform's files, parsed by python-hcl2, and what in them leads nowhere.

`terraform validate` would fetch the provider; without it these are the mistakes that can be seen: a
reference to nothing, what nobody uses, an argument that the provider's documentation does not list.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

ARGUMENTS = yaml.safe_load(
    (Path(__file__).parent / "schemas" / "openstack-arguments.yaml").read_text()
)
META = {"for_each", "count", "depends_on", "lifecycle", "provider", "__is_block__"}

Block = dict[str, Any]
Validator = Callable[..., "subprocess.CompletedProcess[str]"]


def parse(folder: Path, validator: Validator) -> Block:
    """All blocks of a folder: ``{"variable": {name: body}, "resource": {"type.name": body}, ...}``.

    Raises `ValueError` with the parser's words.
    """
    files = sorted(folder.glob("*.tf"))
    parsed = validator("hcl2tojson", "--quiet", "--ndjson", "--strip-string-quotes", *files)
    if parsed.returncode:
        raise ValueError(parsed.stderr)
    blocks: Block = {}
    for line in parsed.stdout.splitlines():
        for kind, bodies in json.loads(line).items():
            for body in bodies if isinstance(bodies, list) else []:
                blocks.setdefault(kind, {}).update(_named(kind, body))
    return blocks


def _named(kind: str, body: Block) -> Block:
    body = {name: value for name, value in body.items() if name != "__is_block__"}
    if kind in {"resource", "data"}:
        return {f"{type_}.{name}": b for type_, named in body.items() for name, b in named.items()}
    return body


def faults(blocks: Block) -> list[str]:
    """What `terraform validate` would refuse, as far as it can be told without the provider."""
    return [*_missing(blocks), *_unused(blocks), *_arguments(blocks)]


def _text(blocks: Block) -> str:
    """All expressions; the names of blocks are no references to them."""
    return json.dumps([[*v.values()] for k, v in blocks.items() if k != "terraform"])


def _missing(blocks: Block) -> Iterator[str]:
    text = _text(blocks)
    for kind, prefix in (("variable", "var"), ("locals", "local"), ("module", "module")):
        for name in sorted({*re.findall(rf"\b{prefix}\.(\w+)", text)} - {*blocks.get(kind, {})}):
            yield f"{prefix}.{name} is not declared"
    for data, name in sorted({*re.findall(r"\b(data\.)?(openstack_\w+\.\w+)", text)}):
        if name not in blocks.get("data" if data else "resource", {}):
            yield f"{data}{name} is not declared"


def _unused(blocks: Block) -> Iterator[str]:
    for kind, prefix in (("variable", "var"), ("locals", "local")):
        for name in blocks.get(kind, {}):
            elsewhere = {
                k: {n: b for n, b in v.items() if (k, n) != (kind, name)} for k, v in blocks.items()
            }
            if not re.search(rf"\b{prefix}\.{name}\b", _text(elsewhere)):
                yield f"{prefix}.{name} is used nowhere"


def _arguments(blocks: Block) -> Iterator[str]:
    for kind in ("resource", "data"):
        for name, body in blocks.get(kind, {}).items():
            known = ARGUMENTS[kind].get(name.partition(".")[0])
            if known is None:
                yield f"{name}: its type is not in openstack-arguments.yaml"
                continue
            given = {*body} - META
            yield from (f"{name}: no argument {a}" for a in sorted(given - {*known["arguments"]}))
            yield from (f"{name}: needs {a}" for a in known.get("required", []) if a not in given)
