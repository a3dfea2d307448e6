"""A pipeline's parameters: read, merged and validated before anything starts.

A pipeline declares its parameters once, in the signature of its function: settings models and
plain scalars. The signature is read without importing the pipeline (which would import zenml, take
seconds and write state), so a misspelled key is answered at once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from assay.errors import ConfigError, UnknownPlugin, did_you_mean

SECTIONS = ("parameters",)
"""The top-level keys of a configuration file."""


def signature(file: Path) -> type[BaseModel]:
    """A model with one field for each parameter of the function named like ``file``.

    Only the file's imports from ``assay`` are executed, and the annotations and defaults of the
    signature evaluated.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    scope: dict[str, Any] = {}
    function = None
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "assay":
            exec(compile(ast.Module([node], []), file.name, "exec"), scope)
        elif isinstance(node, ast.FunctionDef) and node.name == file.stem:
            function = node
    if function is None:
        raise ConfigError(f"{file} defines no function {file.stem}")
    fields = {name: (type_, default) for name, type_, default in _arguments(function, scope)}
    return create_model(file.stem, __config__=ConfigDict(extra="forbid"), **fields)  # type: ignore[call-overload, no-any-return]


def read(config: Path | None, assignments: Iterable[str] = ()) -> dict[str, Any]:
    """The ``parameters:`` of a YAML file, overlaid with ``a.b=value`` assignments in order."""
    values = _load(config) if config else {}
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        if not separator or not path:
            raise ConfigError(f"--set {assignment}: expected KEY=VALUE, as in data.limit=200")
        _assign(values, path.split("."), _parse(path, text))
    return values


def validate(schema: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Typed arguments for the pipeline, defaults included.

    Raises `ConfigError` with one line that names the first wrong field by its full path and, for
    an unknown one, the nearest right name. Options of plugins are validated by the plugin's class.
    """
    try:
        model = schema.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(_first(error, schema, ())) from error
    arguments = {name: getattr(model, name) for name in schema.model_fields}
    for name, argument in arguments.items():
        _check_source(name, argument)
    return arguments


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as ``{"data.limit": "200"}``, the form that MLflow stores."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        if isinstance(plain, Mapping) and plain:
            flat |= flatten(plain, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(plain)
    return flat


def _arguments(node: ast.FunctionDef, scope: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(name, type, default) of each parameter; `...` marks a required one, as in pydantic."""
    parameters = node.args.args + node.args.kwonlyargs
    padding: list[ast.expr | None] = [None] * (len(node.args.args) - len(node.args.defaults))
    defaults = [*padding, *node.args.defaults, *node.args.kw_defaults]
    for parameter, default in zip(parameters, defaults, strict=True):
        type_ = _evaluate(parameter.annotation, scope) if parameter.annotation else Any
        yield parameter.arg, type_, ... if default is None else _evaluate(default, scope)


def _evaluate(node: ast.expr, scope: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<signature>", "eval"), scope)


def _load(config: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"{config}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{config}: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{config}: expected a mapping with the key 'parameters'")
    for key in document:
        if key not in SECTIONS:
            raise ConfigError(f"{config}: unknown key {key!r}{did_you_mean(str(key), SECTIONS)}")
    parameters = document.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ConfigError(f"{config}: parameters: expected a mapping")
    return parameters


def _parse(path: str, text: str) -> Any:
    try:
        return yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {text!r} is not a YAML value") from error


def _assign(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *parents, last = path
    for name in parents:
        if not isinstance(values.get(name), dict):
            values[name] = {}
        values = values[name]
    values[last] = value


def _first(error: ValidationError, model: type[BaseModel], prefix: tuple[str, ...]) -> str:
    """The first mistake as one line; misspelled names come before what follows from them."""
    problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    problem = problems[0]
    location = [str(part) for part in problem["loc"]]
    path = ".".join((*prefix, *location))
    if problem["type"] == "extra_forbidden":
        known = _fields(model, location[:-1])
        hint = did_you_mean(location[-1], known) or f"; known: {', '.join(sorted(known))}"
        return f"{path}: unknown setting{hint}"
    if problem["type"] == "missing":
        return f"{path}: required; pass --set {path}=VALUE"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    return f"{path}: {message}" + (f", got {given!r}" if _is_plain(given) else "")


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) or value is None


def _fields(model: Any, location: Sequence[str]) -> list[str]:
    """The field names of the settings model found by following ``location`` from ``model``."""
    for name in location:
        annotation = model.model_fields[name].annotation if name in model.model_fields else None
        candidates = [annotation, *get_args(annotation)]
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return list(model.model_fields)


def _check_source(name: str, settings: Any) -> None:
    """Validate the options of a source through its class, where ``settings`` names one."""
    from assay import plugins, sources

    if not (hasattr(settings, "source") and hasattr(settings, "options")):
        return
    try:
        source = plugins.find(sources.__name__, sources.Source, settings.source)  # type: ignore[type-abstract]
    except UnknownPlugin as error:
        raise ConfigError(f"{name}.source: {error}") from error
    try:
        source.model_validate(settings.options)
    except ValidationError as error:
        raise ConfigError(_first(error, source, (name, "options"))) from error
