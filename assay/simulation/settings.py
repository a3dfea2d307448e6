"""What is simulated: which weeks, of which images, and how people behave."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from assay import manipulations, plugins
from assay.errors import ConfigError
from assay.home import REPOSITORY
from assay.manipulations import Manipulation
from assay.settings import Seed, Settings
from assay.sources.photos import Photos

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$")]


class Phase(StrEnum):
    """What a week is like; the new manipulation and the low quality stay once they came."""

    CALM = "calm"
    NEW_MANIPULATION = "new_manipulation"
    LOW_QUALITY = "low_quality"
    VIRAL = "viral"

    @property
    def words(self) -> str:
        """For readers."""
        return _WORDS[self]


_WORDS = {
    Phase.CALM: "calm",
    Phase.NEW_MANIPULATION: "a new manipulation",
    Phase.LOW_QUALITY: "JPEG quality drops",
    Phase.VIRAL: "viral duplicates",
}


def _manipulation(name: str) -> str:
    return plugins.find(manipulations.__name__, Manipulation, name).name


class TrafficSettings(Settings):
    """Which images are posted."""

    images: int = Field(200, ge=10)
    """In a week; while a new model takes over, more come at the pace of `rate`."""
    side: int = Field(224, ge=64, le=1024)
    """Of an image, pixels."""
    photographs: tuple[str, ...] = (
        *("astronaut", "china", "coffee", "coins", "grass"),
        *("motorcycle", "retina", "rocket"),
    )
    """Bundled photographs that are posted; the first model is trained on others."""
    edits: tuple[str, ...] = ("copy_move",)
    """Manipulations that the first model was trained on."""
    edited: Share = 0.2
    """Share of the images that are edited so."""
    new_edit: str = "resynthesis"
    """The manipulation that appears."""
    newly_edited: Share = 0.2
    """Share of the images that it has from then on."""
    qualities: tuple[int, int] = (30, 45)
    """JPEG qualities, from which to which, at which a platform saves images again."""
    saved_again: Share = 0.8
    """Share of the images that are, once quality has dropped."""
    viral: Share = 0.5
    """Share of a viral week's images that show the same picture."""
    rate: float = Field(4.0, gt=0)
    """Images a second while a new model takes over."""
    clients: int = Field(2, ge=1)
    """That send images at once during a week."""

    @field_validator("photographs")
    @classmethod
    def _bundled(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return Photos(photographs=names).photographs

    @field_validator("edits")
    @classmethod
    def _edits(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            raise ConfigError("name one manipulation at least")
        return tuple(map(_manipulation, names))

    @field_validator("new_edit")
    @classmethod
    def _edit(cls, name: str) -> str:
        return _manipulation(name)


class PeopleSettings(Settings):
    """Who looks at images, how fast, and how often they are wrong."""

    moderators: int = Field(4, ge=1)
    hours: float = Field(0.5, ge=0)
    """That each of them has in a week."""
    seconds: float = Field(20.0, gt=0)
    """That a case takes, median; they vary as reaction times do (log-normal)."""
    errors: Share = 0.03
    """Share of their votes that are wrong."""
    reports: Share = 0.2
    """Share of edited images shown without a notice that a user reports."""
    false_reports: Share = 0.01
    """Share of authentic images that a user reports."""


class SimulationSettings(Settings):
    """A simulation as a whole."""

    name: Name = "default"
    """Its folder below ``simulations`` of the state folder; a killed one of that name goes on."""
    seed: Seed = 0
    change: bool = True
    """False makes every week calm: nothing is to be retrained or deployed then."""
    weeks: tuple[Phase, ...] = Field(
        (
            *(Phase.CALM,) * 2,
            *(Phase.NEW_MANIPULATION,) * 4,
            *(Phase.LOW_QUALITY,) * 3,
            Phase.VIRAL,
        ),
        min_length=1,
    )
    settling_images: int = Field(1000, ge=30)
    """That the first model settles in on, before the first week; people take their time for them.
    """
    audit_share: Share = 0.1
    """Share of the images that people judge without seeing the verdict; of so few, 2 % say little.
    """
    traffic: TrafficSettings = TrafficSettings()
    people: PeopleSettings = PeopleSettings()
    first_model: Path = REPOSITORY / "configs/train_simulation.yaml"
    """Configuration of the pipeline `train` that makes the first champion."""
    settling: Path = REPOSITORY / "configs/recalibrate_simulation.yaml"
    """Configuration of the pipeline `recalibrate` that moves it to the platform's images."""
    loop: Path = REPOSITORY / "configs/loop_simulation.yaml"
    """Configuration of the pipeline `loop` that runs after each week."""

    @field_validator("first_model", "settling", "loop")
    @classmethod
    def _is_there(cls, config: Path) -> Path:
        found = (REPOSITORY / config).resolve()
        if not found.is_file():
            raise ConfigError(f"there is no configuration {config}")
        return found

    def phase(self, number: int) -> Phase:
        """Of the week ``number``, from 1; 0 is before it, while the first model settles in."""
        return self.weeks[number - 1] if self.change and number else Phase.CALM

    def has_come(self, phase: Phase, number: int) -> bool:
        """Whether what ``phase`` brings is there in the week ``number``."""
        return self.change and phase in self.weeks[:number]
