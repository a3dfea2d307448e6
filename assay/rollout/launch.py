"""What is started as a slot, and which release of this state folder is to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from assay import home
from assay.errors import StorageError
from assay.release import Release
from assay.settings import Settings


class Launch(Settings):
    """One way to start the service."""

    name: str
    """Of the release, or of the model folder where it is none."""
    service: str
    """What ``bentoml serve`` takes: ``module:Class``, or the folder of a built bento."""
    folder: Path
    """Where it is started."""
    environment: Mapping[str, str] = {}
    """What it needs beyond what all slots of a supervisor share."""
    is_release: bool = False

    @classmethod
    def of_release(cls, release: Release) -> Self:
        """A built bento, which brings its own model."""
        folder = release.bento.absolute()
        return cls(name=release.name, service=str(folder), folder=folder, is_release=True)


class Active(Settings):
    """What a state folder serves; None for the champion."""

    current: Launch | None = None
    previous: Launch | None = None
    """What `current` took the place of."""
    can_go_back: bool = False

    @classmethod
    def read(cls) -> Active:
        """What was recorded last; raises `StorageError` for a file that is no such record."""
        path = _path()
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except ValidationError as error:
            raise StorageError(
                f"{path} does not say what is active; delete it, and the champion is"
            ) from error

    def write(self) -> None:
        """Record it; a kill leaves the old record or this one."""
        new = _path().with_suffix(f".{os.getpid()}")
        new.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        new.replace(_path())

    def promoted(self, launch: Launch) -> Active:
        """With ``launch`` in the place of what is current."""
        current = launch if launch.is_release else None
        return Active(current=current, previous=self.current, can_go_back=True)

    def rolled_back(self) -> Active:
        """With the previous one in its place again."""
        return Active(current=self.previous, previous=self.current, can_go_back=True)


def _path() -> Path:
    return home.folder("rollout") / "active.json"
