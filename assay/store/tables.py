"""The tables of what was served and what people made of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from assay.store.columns import Base, BigKey


class ImageRow(Base):
    """An image that is kept; captures point at it, and it goes with the last of them."""

    __tablename__ = "images"

    digest: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    size: Mapped[int]
    created_at: Mapped[datetime]


class RemovalRow(Base):
    """An image file that no row points at any more and that still has to be removed."""

    __tablename__ = "image_removals"

    path: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class CaptureRow(Base):
    """One served request; the fields are those of `Capture`."""

    __tablename__ = "captures"
    __table_args__ = (
        Index(None, "pixel_digest", "id"),
        Index(None, "external_id"),
        Index(None, "created_at"),
        Index(None, "kept_image"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    client: Mapped[str]
    external_id: Mapped[str]
    caption: Mapped[str]
    post_url: Mapped[str]
    reach: Mapped[int]
    image_digest: Mapped[str]
    pixel_digest: Mapped[str]
    pdq: Mapped[str]
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    keep_image: Mapped[bool]
    kept_image: Mapped[str | None] = mapped_column(ForeignKey("images.digest"))
    label: Mapped[str]
    score: Mapped[float]
    probabilities: Mapped[dict[str, Any]]
    log_odds: Mapped[float | None]
    stratum: Mapped[str]
    needs_review: Mapped[bool]
    findings: Mapped[list[Any]]
    provenance: Mapped[dict[str, Any]]
    context: Mapped[str]
    rationale: Mapped[str]
    is_reasoned: Mapped[bool]
    notice: Mapped[str]
    notice_reason: Mapped[str]
    model_version: Mapped[str]
    serving_plan: Mapped[str | None]
    latency_ms: Mapped[float]
    timings: Mapped[dict[str, Any]]
    descriptors: Mapped[dict[str, Any]]
    embedding: Mapped[list[Any]]
    stability: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    answered_from: Mapped[str | None]
    siblings: Mapped[list[Any]]
    known_images: Mapped[list[Any]]
    selection_reason: Mapped[str]
    selection_probability: Mapped[float]
    is_audit: Mapped[bool]
    audit_probability: Mapped[float]
    deleted_at: Mapped[datetime | None]


class RefusalRow(Base):
    """How many images of one client were refused on one day for one reason."""

    __tablename__ = "refusals"

    day: Mapped[date] = mapped_column(primary_key=True)
    client: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class SiblingRow(Base):
    """That one capture lists another as its sibling; to be found from the other's side."""

    __tablename__ = "siblings"
    __table_args__ = (Index(None, "other_id", "capture_id"),)

    capture_id: Mapped[str] = mapped_column(ForeignKey("captures.id"), primary_key=True)
    other_id: Mapped[str] = mapped_column(primary_key=True)
    """Perhaps not stored yet: another machine may still have it in its spool."""


class IdempotencyRow(Base):
    """What a client's key was first used for."""

    __tablename__ = "idempotency_keys"

    client: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_digest: Mapped[str]
    capture_id: Mapped[str]
    created_at: Mapped[datetime]


class CaseRow(Base):
    """What people decide: all captures with the same pixels, at once."""

    __tablename__ = "cases"
    __table_args__ = (Index(None, "is_open", "opened_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    pixel_digest: Mapped[str | None] = mapped_column(unique=True)
    is_open: Mapped[bool]
    reason: Mapped[str]
    is_audit: Mapped[bool]
    uncertainty: Mapped[float]
    reach: Mapped[int]
    reports: Mapped[int]
    appeals: Mapped[int]
    weight: Mapped[float]
    opened_at: Mapped[float]
    """Seconds since the epoch: the age enters the order, and both databases can subtract."""
    holder: Mapped[str | None]
    held_until: Mapped[datetime | None]


class ExclusionRow(Base):
    """A moderator who is not handed a case again: skipped it, was unsure, or decided before."""

    __tablename__ = "case_exclusions"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str]


class FeedbackRow(Base):
    """One vote or the undoing of one; rows are added and never changed."""

    __tablename__ = "feedback"
    __table_args__ = (Index(None, "case_id"), Index(None, "capture_id"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    capture_id: Mapped[str] = mapped_column(ForeignKey("captures.id"))
    who: Mapped[str]
    created_at: Mapped[datetime]
    label: Mapped[str | None]
    action: Mapped[str]
    reason_code: Mapped[str]
    note: Mapped[str]
    seconds: Mapped[float | None]
    is_blind: Mapped[bool]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("feedback.id"), unique=True)


class ReportRow(Base):
    """An end user's report of a capture, or a platform's appeal against a decision."""

    __tablename__ = "reports"
    __table_args__ = (Index(None, "capture_id", "client", "created_at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    capture_id: Mapped[str] = mapped_column(ForeignKey("captures.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str]
    client: Mapped[str]
    created_at: Mapped[datetime]
    reason: Mapped[str]
    note: Mapped[str]


class AuditRow(Base):
    """One entry of the audit log, chained to the one before it."""

    __tablename__ = "audit_log"
    __table_args__ = (UniqueConstraint("hash"),)

    number: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]]
    hash: Mapped[str]


class AuditHeadRow(Base):
    """The end of the chain: one row, which writers lock one after another."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    hash: Mapped[str]
