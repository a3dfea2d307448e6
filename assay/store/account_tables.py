"""The tables of who may do what, and of work that goes on between requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from assay.store.columns import Base


class AccountRow(Base):
    """A person who signs in to the console."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class SignInLinkRow(Base):
    """The digest of a link that signs one account in, once."""

    __tablename__ = "sign_in_links"

    digest: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SessionRow(Base):
    """The digest of a signed-in browser's secret."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiKeyRow(Base):
    """The digest of a client's key, with what it may do."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    client: Mapped[str]
    scopes: Mapped[list[Any]]
    is_sandbox: Mapped[bool]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class JobRow(Base):
    """A piece of work over many images; its counts are those of its items."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    client: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    options: Mapped[dict[str, Any]]
    error: Mapped[str]
    created_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    worker: Mapped[str | None]
    held_until: Mapped[datetime | None]


class JobItemRow(Base):
    """One image of a job, and what became of it."""

    __tablename__ = "job_items"
    __table_args__ = (Index(None, "job_id", "state", "position"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str]
    state: Mapped[str]
    capture_id: Mapped[str | None]
    error: Mapped[str]
    code: Mapped[str]


class WebhookRow(Base):
    """An announcement on its way to a platform, written together with what it announces."""

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "state", "due_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[str]
    url: Mapped[str]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    error: Mapped[str]


class DeploymentRow(Base):
    """An attempt to let a release answer on a target; the fields are those of `Deployment`."""

    __tablename__ = "deployments"
    __table_args__ = (Index(None, "target", "state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str]
    open_target: Mapped[str | None] = mapped_column(unique=True)
    """The target while it is under way: so there is one at a time."""
    action: Mapped[str]
    strategy: Mapped[str]
    state: Mapped[str]
    who: Mapped[str]
    process: Mapped[str]
    held_until: Mapped[datetime]
    release: Mapped[str]
    model_version: Mapped[str]
    model_content: Mapped[str]
    plan: Mapped[str]
    run: Mapped[str]
    dataset_version: Mapped[str]
    git_commit: Mapped[str]
    reasons: Mapped[list[Any]]
    started_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
