"""People who sign in, by links that work once; there are no passwords to choose, leak or reset.

A link is handed over by an administrator (or printed where the service starts) and becomes a
session. Of links and sessions only digests are kept, see `ids.secret_digest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import NotStored
from assay.store import audit
from assay.store.account_tables import AccountRow, SessionRow, SignInLinkRow
from assay.store.database import Database, insert_new
from assay.store.ids import new_id, new_secret, secret_digest
from assay.store.settings import StoreSettings


class Role(StrEnum):
    """What an account may do; each may also do what stands above it."""

    VIEWER = "viewer"
    MODERATOR = "moderator"
    ADMIN = "admin"

    def allows(self, needed: Role) -> bool:
        """Whether this role may do what ``needed`` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Account:
    """A person, under a name that others see."""

    id: str
    name: str
    role: Role
    created_at: datetime
    is_disabled: bool


class Accounts:
    """Accounts, the links that sign them in, and their sessions."""

    def __init__(self, database: Database, settings: StoreSettings) -> None:
        self._database = database
        self._link_life = timedelta(seconds=settings.sign_in_link)
        self._session_life = timedelta(seconds=settings.session)

    def ensure(self, name: str, role: Role, by: str) -> Account:
        """The account of this name, made with ``role`` if there is none yet."""
        now = self._database.now()
        account_id = new_id()
        values = {"id": account_id, "name": name, "role": role.value, "created_at": now}
        with self._database.writing() as session:
            if insert_new(session, AccountRow, values, key="name"):
                audit.append(session, now, by, "account.create", account_id, role=role.value)
            return _account(
                session.scalars(sa.select(AccountRow).where(AccountRow.name == name)).one()
            )

    def all(self) -> Sequence[Account]:
        """Every account, by name."""
        with self._database.reading() as session:
            rows = session.scalars(sa.select(AccountRow).order_by(AccountRow.name))
            return [_account(row) for row in rows]

    def set_role(self, account_id: str, role: Role, by: str) -> None:
        """Change what an account may do, from its next request on; raises `NotStored`."""
        with self._database.writing() as session:
            _row(session, account_id).role = role.value
            now = self._database.now()
            audit.append(session, now, by, "account.role", account_id, role=role.value)

    def disable(self, account_id: str, by: str) -> None:
        """End an account's sessions, links and right to sign in; raises `NotStored`."""
        with self._database.writing() as session:
            now = self._database.now()
            _row(session, account_id).disabled_at = now
            for table in (SessionRow, SignInLinkRow):
                session.execute(sa.delete(table).where(table.account_id == account_id))
            audit.append(session, now, by, "account.disable", account_id)

    def new_link(self, account_id: str, by: str) -> str:
        """A secret that signs the account in, once and soon; raises `NotStored`."""
        secret, now = new_secret(), self._database.now()
        with self._database.writing() as session:
            _row(session, account_id)
            session.add(
                SignInLinkRow(
                    digest=secret_digest(secret),
                    account_id=account_id,
                    expires_at=now + self._link_life,
                    used_at=None,
                )
            )
            audit.append(session, now, by, "account.link", account_id)
        return secret

    def sign_in(self, secret: str) -> str | None:
        """Use up a link; the secret of the session, None where the link is not or no more good."""
        now, digest = self._database.now(), secret_digest(secret)
        with self._database.writing() as session:
            if not _use(session, digest, now):
                return None
            account_id = session.get_one(SignInLinkRow, digest).account_id
            if _row(session, account_id).disabled_at is not None:
                return None
            opened = new_secret()
            session.add(
                SessionRow(
                    digest=secret_digest(opened),
                    account_id=account_id,
                    created_at=now,
                    expires_at=now + self._session_life,
                )
            )
            audit.append(session, now, account_id, "sign_in", account_id)
            return opened

    def find_session(self, secret: str) -> Account | None:
        """Whose session this is, None where it is unknown or over."""
        query = (
            sa.select(AccountRow)
            .join(SessionRow, SessionRow.account_id == AccountRow.id)
            .where(
                SessionRow.digest == secret_digest(secret),
                SessionRow.expires_at > self._database.now(),
                AccountRow.disabled_at.is_(None),
            )
        )
        with self._database.reading() as session:
            row = session.scalar(query)
            return None if row is None else _account(row)

    def sign_out(self, secret: str) -> None:
        """End a session; an unknown one is over already."""
        with self._database.writing() as session:
            found = SessionRow.digest == secret_digest(secret)
            session.execute(sa.delete(SessionRow).where(found))


def _use(session: Session, digest: str, now: datetime) -> bool:
    """Mark a link as used; of several who try at once, one succeeds."""
    good = (
        SignInLinkRow.digest == digest,
        SignInLinkRow.used_at.is_(None),
        SignInLinkRow.expires_at > now,
    )
    result = session.execute(sa.update(SignInLinkRow).where(*good).values(used_at=now))
    return cast("sa.CursorResult[Any]", result).rowcount == 1


def _row(session: Session, account_id: str) -> AccountRow:
    row = session.get(AccountRow, account_id)
    if row is None:
        raise NotStored(f"no account {account_id[:64]!r}")
    return row


def _account(row: AccountRow) -> Account:
    is_disabled = row.disabled_at is not None
    return Account(row.id, row.name, Role(row.role), row.created_at, is_disabled)
