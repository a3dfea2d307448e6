"""The base of every settings model: frozen, and closed to misspelled keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from assay.errors import ConfigError


class Settings(BaseModel):
    """A frozen, typed group of settings; an unknown key is an error, never ignored."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


Seed = Annotated[int, Field(ge=0, lt=2**31)]
"""Of random numbers: what numpy and torch both take."""


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
