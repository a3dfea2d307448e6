"""The tables of what the loop has done by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from assay.store.columns import Base


class LoopRow(Base):
    """One turn of the loop; the fields are those of `LoopRun`."""

    __tablename__ = "loop_runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    lock: Mapped[str | None] = mapped_column(unique=True)
    """The same word for each turn that is under way, else nothing: so there is one at a time."""
    state: Mapped[str]
    who: Mapped[str]
    process: Mapped[str]
    held_until: Mapped[datetime]
    reasons: Mapped[list[Any]]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    """When people were told of its end."""


class LoopStageRow(Base):
    """A stage of a turn that was begun, and what came of it."""

    __tablename__ = "loop_stages"

    loop_id: Mapped[str] = mapped_column(ForeignKey("loop_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    attempts: Mapped[int]
    summary: Mapped[str]
    facts: Mapped[dict[str, Any]]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
