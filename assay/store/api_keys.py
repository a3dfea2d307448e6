"""The keys of platforms: random, scoped, revocable, kept as digests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from assay.errors import NotStored
from assay.store import audit
from assay.store.account_tables import ApiKeyRow
from assay.store.database import Database
from assay.store.ids import new_id, new_secret, secret_digest

_LIVE, _SANDBOX = "assay_live_", "assay_test_"
"""What a key begins with, so that scanners for leaked secrets know it."""


class Scope(StrEnum):
    """One thing that a key may do."""

    DETECT = "detect"
    READ = "read"
    FEEDBACK = "feedback"
    REPORT = "report"
    EXPORT = "export"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    id: str
    client: str
    scopes: frozenset[Scope]
    is_sandbox: bool
    created_at: datetime
    revoked_at: datetime | None


class ApiKeys:
    """Making, checking and revoking keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, client: str, scopes: Collection[Scope], by: str, *, is_sandbox: bool = False
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is shown this once and cannot be recovered."""
        secret = (_SANDBOX if is_sandbox else _LIVE) + new_secret()
        names = sorted(scope.value for scope in scopes)
        now = self._database.now()
        row = ApiKeyRow(
            id=new_id(),
            digest=secret_digest(secret),
            client=client,
            scopes=names,
            is_sandbox=is_sandbox,
            created_at=now,
            revoked_at=None,
        )
        with self._database.writing() as session:
            session.add(row)
            audit.append(session, now, by, "key.create", row.id, client=client, scopes=names)
        return _key(row), secret

    def find(self, secret: str) -> ApiKey | None:
        """The key of this secret, None where it is unknown or revoked.

        Looked up by digest: how long that takes says nothing about the secret.
        """
        query = sa.select(ApiKeyRow).where(
            ApiKeyRow.digest == secret_digest(secret), ApiKeyRow.revoked_at.is_(None)
        )
        with self._database.reading() as session:
            row = session.scalar(query)
            return None if row is None else _key(row)

    def all(self) -> Sequence[ApiKey]:
        """Every key, revoked ones included, newest first."""
        with self._database.reading() as session:
            rows = session.scalars(sa.select(ApiKeyRow).order_by(ApiKeyRow.id.desc()))
            return [_key(row) for row in rows]

    def revoke(self, key_id: str, by: str) -> None:
        """End a key, from the next request on; a second time changes nothing.

        Raises `NotStored`.
        """
        with self._database.writing() as session:
            row = session.get(ApiKeyRow, key_id)
            if row is None:
                raise NotStored(f"no key has the id {key_id[:64]!r}; `keys list` shows them")
            if row.revoked_at is None:
                row.revoked_at = self._database.now()
                audit.append(session, row.revoked_at, by, "key.revoke", key_id)


def _key(row: ApiKeyRow) -> ApiKey:
    scopes = frozenset(Scope(name) for name in row.scopes)
    return ApiKey(row.id, row.client, scopes, row.is_sandbox, row.created_at, row.revoked_at)
