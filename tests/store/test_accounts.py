"""Accounts sign in by links that work once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from assay.errors import NotStored
from assay.store import Role, Store
from assay.store.account_tables import SessionRow, SignInLinkRow
from assay.store.ids import new_id


def signed_in(store: Store, name: str = "ada", role: Role = Role.MODERATOR) -> tuple[str, str]:
    account = store.accounts.ensure(name, role, "admin")
    return account.id, store.accounts.sign_in(store.accounts.new_link(account.id, "admin"))


def test_link_opens_a_session_of_its_account(store: Store):
    account_id, session = signed_in(store)
    account = store.accounts.find_session(session)
    assert (account.id, account.name, account.role) == (account_id, "ada", Role.MODERATOR)


def test_link_works_once_however_many_try(store: Store):
    link = store.accounts.new_link(store.accounts.ensure("ada", Role.ADMIN, "x").id, "x")
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(store.accounts.sign_in, [link] * 8))
    assert sum(session is not None for session in sessions) == 1


def test_link_and_session_run_out(store: Store, clock):
    account_id, session = signed_in(store)
    link = store.accounts.new_link(account_id, "admin")
    clock.advance(901)
    assert store.accounts.sign_in(link) is None
    assert store.accounts.find_session(session) is not None
    clock.advance(12 * 3600)
    assert store.accounts.find_session(session) is None


def test_disabled_account_is_out_at_once_and_stays_out(store: Store):
    account_id, session = signed_in(store)
    link = store.accounts.new_link(account_id, "admin")
    store.accounts.disable(account_id, "admin")
    assert store.accounts.find_session(session) is None
    assert store.accounts.sign_in(link) is None
    assert store.accounts.sign_in(store.accounts.new_link(account_id, "admin")) is None


def test_signed_out_session_is_over(store: Store):
    _, session = signed_in(store)
    store.accounts.sign_out(session)
    store.accounts.sign_out(session)
    assert store.accounts.find_session(session) is None


def test_new_role_counts_from_the_next_request_on(store: Store):
    account_id, session = signed_in(store)
    store.accounts.set_role(account_id, Role.VIEWER, "admin")
    assert store.accounts.find_session(session).role is Role.VIEWER


def test_ensured_account_keeps_its_role(store: Store):
    first = store.accounts.ensure("ada", Role.ADMIN, "x")
    assert store.accounts.ensure("ada", Role.VIEWER, "x") == first
    assert store.accounts.all() == [first]


@pytest.mark.parametrize("role", Role)
def test_role_allows_what_stands_below_it(role: Role):
    allowed = [needed for needed in Role if role.allows(needed)]
    assert allowed == list(Role)[: list(Role).index(role) + 1]


def test_secrets_are_nowhere_in_the_database(store: Store):
    account_id, session = signed_in(store)
    link = store.accounts.new_link(account_id, "admin")
    with store.database.reading() as opened:
        kept = [*opened.scalars(sa.select(SessionRow.digest))]
        kept += opened.scalars(sa.select(SignInLinkRow.digest))
    assert kept
    assert not {session, link} & set(kept)


def test_unknown_account_is_an_error(store: Store):
    with pytest.raises(NotStored):
        store.accounts.new_link(new_id(), "admin")
    assert store.accounts.sign_in("guess") is None
    assert store.accounts.find_session("guess") is None
