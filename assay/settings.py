"""The base of every settings model: frozen, and closed to misspelled keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.errors import ConfigError, did_you_mean


class Settings(BaseModel):
    """A frozen, typed group of settings; an unknown key is an error, never ignored."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


Seed = Annotated[int, Field(ge=0, lt=2**31)]
"""Of random numbers: what numpy and torch both take."""


def as_written(value: Any) -> Any:
    """A day or a moment as text, as in a file: YAML reads ``2026-11-23`` as a date."""
    return value.isoformat() if isinstance(value, date) else value


def at_home(path: Any) -> Any:
    """``path`` with a leading ``~`` replaced by that user's home; what is no path comes back.

    For pydantic validators. Raises `ConfigError` where there is no such user.
    """
    if not isinstance(path, str) or not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError as error:
        raise ConfigError(f"{path}: {error}") from error


def first_mistake(
    error: ValidationError, model: type[BaseModel], prefix: tuple[str, ...] = ()
) -> str:
    """The first mistake in values of ``model`` as one line, the wrong field by its full path.

    Misspelled names come before what follows from them, with the nearest right one.
    """
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
