"""Where the store lies, and how long things are kept, held and tried again."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from assay import home
from assay.errors import ConfigError
from assay.settings import Settings

DATABASE_VARIABLE = "ASSAY_DATABASE_URL"
IMAGES_VARIABLE = "ASSAY_IMAGES_URL"
WEBHOOK_VARIABLE = "ASSAY_WEBHOOK_URL"
AUDIT_VARIABLE = "ASSAY_AUDIT_SHARE"


class StoreSettings(Settings):
    """Places, limits and patience of the store."""

    folder: Path
    """Holds the spool, and whatever of database and images is not somewhere else."""
    database_url: str = Field("", repr=False)
    """``postgresql://...``; empty for SQLite in `folder`. It may hold a password: never in YAML."""
    images_url: str = ""
    """An fsspec URL (``s3://bucket/prefix``); empty for ``images`` in `folder`.

    The environment's default is ``images`` below ``ASSAY_STORAGE_URL``, where that is set.
    """
    busy_timeout: float = Field(10.0, gt=0)
    """Seconds to wait for another writer, or for the server to connect."""
    lease: float = Field(600.0, gt=0)
    """Seconds for which a claimed case belongs to one moderator."""
    audit_share: float = Field(0.02, ge=0, le=1)
    """Share of all captures that people judge without seeing the verdict."""
    review_share: float = Field(1.0, ge=0, le=1)
    """Share of the captures that call for review which people are asked about."""
    session: float = Field(12 * 3600.0, gt=0)
    """Seconds until a moderator has to sign in again."""
    sign_in_link: float = Field(900.0, gt=0)
    """Seconds for which a sign-in link works."""
    reports_per_hour: int = Field(3, gt=0)
    """Reports of one capture by one client that are counted within an hour."""
    webhook_url: str = ""
    """Where decisions are announced; empty for nowhere."""
    webhook_attempts: int = Field(12, gt=0)
    """Failed deliveries after which an announcement is given up: about two days."""
    idempotency: float = Field(24 * 3600.0, gt=0)
    """Seconds for which an idempotency key is remembered."""

    @classmethod
    def from_environment(cls) -> StoreSettings:
        """The store under the state folder, or where ``ASSAY_DATABASE_URL`` and others say.

        Raises `ConfigError` for an ``ASSAY_AUDIT_SHARE`` that is no share.
        """
        named = {
            "database_url": DATABASE_VARIABLE,
            "images_url": IMAGES_VARIABLE,
            "webhook_url": WEBHOOK_VARIABLE,
            "audit_share": AUDIT_VARIABLE,
        }
        given = {field: os.environ.get(name, "") for field, name in named.items()}
        given["images_url"] = given["images_url"] or home.shared("images")
        set_ones = {field: text for field, text in given.items() if text}
        try:
            return cls.model_validate({"folder": home.folder("store"), **set_ones})
        except ValueError as error:
            share = given["audit_share"]
            raise ConfigError(f"{AUDIT_VARIABLE}={share!r} is no share of 0 to 1") from error
