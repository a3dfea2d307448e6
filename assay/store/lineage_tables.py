"""The tables of what was learned from which captures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from assay.store.columns import Base


class DatasetCaptureRow(Base):
    """That a dataset holds the image of a capture."""

    __tablename__ = "dataset_captures"
    __table_args__ = (Index(None, "capture_id"), Index(None, "image_digest"))

    dataset_version: Mapped[str] = mapped_column(primary_key=True)
    capture_id: Mapped[str] = mapped_column(ForeignKey("captures.id"), primary_key=True)
    image_id: Mapped[str]
    """Its row in the dataset, which pixel-equal captures share."""
    image_digest: Mapped[str]
    """SHA-256 of the bytes; empty once the capture is deleted."""
    label: Mapped[str]
    labeller: Mapped[str]
    """Whose vote counted."""
    labellers: Mapped[list[Any]]
    split: Mapped[str]


class TrainedModelRow(Base):
    """On which dataset a model was trained or calibrated."""

    __tablename__ = "trained_models"
    __table_args__ = (Index(None, "dataset_version"), Index(None, "version"))

    model_version: Mapped[str] = mapped_column(primary_key=True)
    """As verdicts name it."""
    dataset_version: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    """Its number in the registry; empty while it has none."""
    parent: Mapped[str]
    """The model that it was trained on from, as verdicts name it; empty for none."""
    created_at: Mapped[datetime]


class LineageMarkRow(Base):
    """That a model has learned from a capture that was deleted later."""

    __tablename__ = "lineage_marks"
    __table_args__ = (Index(None, "capture_id"),)

    model_version: Mapped[str] = mapped_column(primary_key=True)
    capture_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str]
