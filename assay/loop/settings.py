"""What the loop runs, how long it may take, and when it gives up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from assay.settings import Settings


class StageSettings(Settings):
    """How the pipeline of one stage is run."""

    config: str = ""
    """Its YAML file; empty for the one of its name in ``configs/``."""
    settings: Mapping[str, Any] = {}
    """What differs from that, as below ``parameters:`` of such a file."""
    hours: float = Field(12.0, gt=0)
    """After which it is ended, and the turn has failed: what hung once is not tried again."""


class LoopSettings(Settings):
    """One turn: monitor, then what was decided, then the way to where it answers."""

    monitor: StageSettings = StageSettings(hours=2.0)
    recalibrate: StageSettings = StageSettings()
    retrain: StageSettings = StageSettings(hours=48.0)
    optimize: StageSettings = StageSettings()
    deploy: StageSettings = StageSettings()
    attempts: int = Field(3, gt=0)
    """How often a stage is started, killed ones included, before the loop asks for a person."""
    stale_hours: float = Field(72.0, gt=0)
    """After which the decision of an interrupted turn is not acted on any more."""
