"""The tables of what the monitor measured."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from assay.store.columns import Base


class WindowRow(Base):
    """A window of traffic that was measured; the fields are those of `Window`."""

    __tablename__ = "monitor_windows"
    __table_args__ = (Index(None, "model_version", "until"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    model_version: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    is_enough: Mapped[bool]
    numbers: Mapped[dict[str, Any]]
    action: Mapped[str]
    reasons: Mapped[list[Any]]
    evidence: Mapped[dict[str, Any]]
    pages: Mapped[dict[str, Any]]
    """Where the image files keep them, by name."""
