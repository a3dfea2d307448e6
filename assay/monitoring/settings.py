"""How a window is chosen, what it is compared with, and when a difference counts."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from assay.monitoring.frame import LIMIT
from assay.settings import Settings


class WindowSettings(Settings):
    """Which captures make a window; without `since` it goes on where the last one ended."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    """Itself excluded; None for the present."""
    days: float = Field(28.0, gt=0)
    """The longest window: what is older is left out."""
    limit: int = Field(LIMIT, gt=0)
    """Captures that it may hold: the newest."""


class ReferenceSettings(Settings):
    """What a window is compared with."""

    captures: int = Field(1000, ge=100)
    """The first that a model answered, where it was not trained on captures."""
    limit: int = Field(20_000, ge=100)
    """Captures of the traffic that a model was trained on: the newest."""
    images: int = Field(300, ge=0)
    """Of the training dataset, while nothing better is there; 0 for none."""
    least_pictures: int = Field(200, ge=2)
    """Near-duplicates count once; with fewer there is nothing to compare with."""


class DriftSettings(Settings):
    """When a column has drifted."""

    alpha: float = Field(0.05, gt=0, lt=1)
    """Chance that a window without change shows any drift at all."""
    least_effect: float = Field(0.08, ge=0, lt=1)
    """Share of traffic that has to have changed: a smaller change is let pass, however sure."""
    least_pictures: int = Field(200, ge=2)
    """Near-duplicates count once; a window with fewer says "not enough data"."""
    least_values: int = Field(100, ge=2)
    """Of a column on either side, below which it is left out."""
    sample: int = Field(10_000, ge=100)
    """Pictures of either side that are compared: beyond, certainty no longer matters."""
