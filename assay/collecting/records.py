"""What a run of collectors came to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from assay.collectors import Cursor
from assay.settings import Settings


class Ending(StrEnum):
    """How a collector's part of a run ended."""

    COMPLETE = "complete"
    """All that is new was handled."""
    ENOUGH = "enough"
    """As many posts as one run takes; the next one goes on."""
    LIMITED = "rate limited"
    REPEATED = "cursor repeated"
    """The platform leads in a circle; the next run begins a new walk."""
    PARTIAL = "partial"
    """Some of its places gave nothing."""
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    """Its token, or an option, is not taken."""
    BUSY = "service busy"
    """The service took no more images."""

    @property
    def is_failure(self) -> bool:
        """Whether somebody has to do something about it."""
        return self in {Ending.UNAVAILABLE, Ending.REFUSED, Ending.BUSY}


class Gathered(Settings):
    """What one collector came to."""

    name: str
    """Of the settings."""
    collector: str
    ending: Ending
    reason: str = ""
    until: datetime | None = None
    """When a rate limit ends that was not waited for."""
    pages: int = 0
    posts: int = 0
    images: int = 0
    """In these posts."""
    known: int = 0
    """Of them those that an earlier run, or another collector, had handled."""
    handed_in: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    """Images by reason."""
    example: dict[str, str] = Field(default_factory=dict)
    """The first image of each reason, in words."""
    later: int = 0
    """Of the refused those that a later run asks for again."""
    labels: dict[str, int] = Field(default_factory=dict)
    """Answers by verdict."""
    to_review: int = 0
    waits: int = 0
    waited: float = 0.0
    """Seconds, for rate limits."""
    before: Cursor = Cursor()
    after: Cursor = Cursor()


class Collection(Settings):
    """What a run came to."""

    began: datetime
    seconds: float
    service: str
    model: str
    """The version that answered first; empty where the service does not say."""
    gathered: tuple[Gathered, ...]

    @property
    def fell_through(self) -> bool:
        """Whether a collector failed: the command says so by its exit status."""
        return any(one.ending.is_failure for one in self.gathered)
