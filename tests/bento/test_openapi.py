"""The contract explains itself: everything in it is described, and its examples are true."""

from __future__ import annotations

from typing import Any

import pytest

from bento.api import schemas
from bento.api.app import create_app
from bento.api.schemas import Shape

OPENAPI = create_app().openapi()
SHAPES: dict[str, dict[str, Any]] = OPENAPI["components"]["schemas"]
OPERATIONS = {
    f"{method} {path}": operation
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
}


def shapes(base: type[Shape] = Shape) -> list[type[Shape]]:
    """All shapes of the contract that show an example."""
    found = [one for kind in base.__subclasses__() for one in (kind, *shapes(kind))]
    return [one for one in found if isinstance(one.model_config.get("json_schema_extra"), dict)]


@pytest.mark.parametrize("name", SHAPES)
def test_shape_and_its_fields_are_described(name: str) -> None:
    fields = SHAPES[name].get("properties", {})
    assert SHAPES[name].get("description")
    assert not [field for field, told in fields.items() if not told.get("description")]


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_and_its_parameters_are_described(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["description"]
    bare = [p["name"] for p in operation.get("parameters", []) if not p.get("description")]
    assert not bare


@pytest.mark.parametrize("name", OPERATIONS)
def test_json_answer_has_an_example(name: str) -> None:
    named = [
        kind["schema"]["$ref"].rpartition("/")[2]
        for told in OPERATIONS[name]["responses"].values()
        for kind in told.get("content", {}).values()
        if "$ref" in kind.get("schema", {})
    ]
    assert not [shape for shape in named if "example" not in SHAPES[shape]]


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.__name__)
def test_example_fits_its_shape(shape: type[Shape]) -> None:
    shape.model_validate(shape.model_config["json_schema_extra"]["example"])


def test_text_for_the_store_holds_no_nul() -> None:
    with pytest.raises(ValueError, match="pattern"):
        schemas.About(caption="a\x00b")
