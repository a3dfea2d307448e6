"""What a backtest may be told beside the span, the model and the policy."""

from __future__ import annotations

from pydantic import Field

from assay.settings import Settings


class BacktestSettings(Settings):
    """How the estimates are made and shown."""

    seconds_per_case: float | None = Field(None, gt=0)
    """Of a moderator, from seeing a case to the vote; None for what was measured."""
    examples: int = Field(8, ge=0, le=100)
    """Pictures a kind of change."""
    workers: int | None = Field(None, gt=0)
    """Processes that measure the evidence of images to be replayed; None for all cores."""
