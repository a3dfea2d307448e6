"""One turn of the loop: how it stands, and what its stages came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class LoopState(StrEnum):
    """How a turn of the loop stands, or ended."""

    RUNNING = "running"
    COMPLETED = "completed"
    """Every stage is done: what was learned answers."""
    CALM = "calm"
    """Nothing had to be learned."""
    PAGED = "paged"
    """The decision is a person's."""
    REFUSED = "refused"
    """What was learned is not better, and the champion stays."""
    TAKEN_BACK = "taken_back"
    """What was learned did not prove good where it was to answer."""
    FAILED = "failed"
    """A stage ended without a result, as often as it was tried."""
    ABANDONED = "abandoned"
    """It was interrupted, and what it had decided is too old to be acted on."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage came to."""

    summary: str
    """One sentence."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Plain values that later stages need, such as the version that was registered."""
    ends: LoopState | None = None
    """How the turn ends with this stage; None where it goes on."""


@dataclass(frozen=True, slots=True)
class LoopStage:
    """A stage that was begun."""

    name: str
    attempts: int
    """How often it was started."""
    summary: str
    facts: Mapping[str, Any]
    began_at: datetime
    """When it was started first."""
    ended_at: datetime | None
    """When its result was recorded; None before."""


@dataclass(frozen=True, slots=True)
class LoopRun:
    """One turn of the loop."""

    id: str
    state: LoopState
    who: str
    reasons: tuple[str, ...]
    """Why it ended as it did."""
    stages: tuple[LoopStage, ...]
    """Those that were begun, in their order."""
    started_at: datetime
    ended_at: datetime | None

    @property
    def label(self) -> str:
        """What the names of the runs that it starts begin with."""
        return f"loop-{self.id.replace('-', '')[:16]}"

    @property
    def fell_through(self) -> bool:
        """Whether whoever started it from a script has to know: it failed, or was taken back."""
        return self.state in (LoopState.FAILED, LoopState.TAKEN_BACK)

    def stage(self, name: str) -> LoopStage | None:
        """The stage of this name, or None where it was never begun."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def fact(self, name: str) -> Any:
        """What the latest stage that knows of ``name`` recorded; None where none does."""
        known = (one.facts[name] for one in reversed(self.stages) if name in one.facts)
        return next(known, None)
