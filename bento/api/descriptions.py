"""Shapes as JSON schemas that stand where a body is described by hand."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def schema(shape: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a shape, complete in itself.

    pydantic refers to ``#/$defs``, which inside /openapi.json would be looked for at its root.
    """
    described = shape.model_json_schema()
    named = described.pop("$defs", {})
    inlined: dict[str, Any] = _inlined(described, named)
    return inlined


def form_schema(shape: type[BaseModel], file: dict[str, Any]) -> dict[str, Any]:
    """The schema of a form with the field `file` beside the fields of ``shape``."""
    fields = schema(shape)["properties"]
    return {"type": "object", "required": ["file"], "properties": {"file": file, **fields}}


def _inlined(part: Any, named: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(one, named) for one in part]
    if not isinstance(part, dict):
        return part
    whole = {name: value for name, value in part.items() if name != "$ref"}
    if "$ref" in part:
        whole = {**named[part["$ref"].rpartition("/")[2]], **whole}
    return {name: _inlined(value, named) for name, value in whole.items()}
