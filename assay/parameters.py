"""A pipeline's parameters: read, merged and validated before anything starts.

A pipeline declares its parameters once, in the signature of its function: settings models and
plain scalars. The signature is read without importing the pipeline (which would import zenml, take
seconds and write state), so a misspelled key is answered at once.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from assay.errors import ConfigError, UnknownPlugin, did_you_mean
from assay.settings import first_mistake

SECTIONS = ("parameters",)
"""The top-level keys of a configuration file."""


def signature(file: Path) -> type[BaseModel]:
    """A model with one field for each parameter of the function named like ``file``.

    Of the file, only the imports of settings and the head of the function are executed.
    """
    kept = [
        _without_body(n) for n in ast.parse(file.read_text(encoding="utf-8")).body if _counts(n)
    ]
    scope: dict[str, Any] = {}
    exec(compile(ast.Module(kept, []), file.name, "exec", dont_inherit=True), scope)  # noqa: S102 (our own pipelines)
    parameters = inspect.signature(scope[file.stem], eval_str=True).parameters.values()
    fields = {
        p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters
    }
    # YAML reads a version or a folder's name made of digits as a number.
    config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, validate_default=True)
    return create_model(file.stem, __config__=config, **fields)  # type: ignore[call-overload, no-any-return]


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
        raise ConfigError(first_mistake(error, schema)) from error
    arguments = {name: getattr(model, name) for name in schema.model_fields}
    for name, argument in arguments.items():
        _check_options(name, argument)
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


def _counts(node: ast.stmt) -> bool:
    """Whether a top-level statement of a pipeline's file takes part in its signature."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] in {"assay", "typing"}
    return isinstance(node, ast.FunctionDef)


def _without_body(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.FunctionDef):
        node.decorator_list, node.body = [], [ast.Pass(lineno=node.lineno, col_offset=0)]
    return node


def _load(config: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"{config}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
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


def _check_options(name: str, settings: Any) -> None:
    """Validate what only plugins know: their names, and ``options`` through the named class."""
    _check_manipulations(name, getattr(settings, "manipulations", None) or ())
    if not hasattr(settings, "options"):
        return
    try:
        schema = _options_schema(settings)
    except UnknownPlugin as error:
        raise ConfigError(f"{name}.source: {error}") from error
    try:
        schema.model_validate(settings.options)
    except ValidationError as error:
        raise ConfigError(first_mistake(error, schema, (name, "options"))) from error


def _check_manipulations(name: str, chosen: Sequence[str]) -> None:
    from assay import manipulations, plugins

    try:
        for manipulation in chosen:
            plugins.find(manipulations.__name__, manipulations.Manipulation, manipulation)
    except UnknownPlugin as error:
        raise ConfigError(f"{name}.manipulations: {error}") from error


def _options_schema(settings: Any) -> type[BaseModel]:
    from assay import models, plugins, sources
    from assay.rationales.settings import TeacherSettings

    if isinstance(settings, TeacherSettings):
        return settings.options_schema
    if hasattr(settings, "family"):
        return models.family(settings.family).settings
    return plugins.find(sources.__name__, sources.Source, settings.source)
