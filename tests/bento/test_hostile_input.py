"""Everything that a stranger may send, to the service as it really runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from assay.store import Role, Scope
from tests.bento import hostile
from tests.bento.hostile import Asked, Row
from tests.bento.servers import Server

ROWS = hostile.rows()
_seeds = itertools.count(10_000)


@pytest.fixture(autouse=True)
def no_trace_in_the_log(open_server: Server) -> Iterator[None]:
    """What is refused is refused on purpose: nothing unexpected stands in the log."""
    begun = open_server.log.stat().st_size
    yield
    written = open_server.log.read_bytes()[begun:].decode(errors="replace")
    assert "Traceback" not in written


@pytest.fixture(scope="module")
def credentials(locked_server: Server) -> dict[str, str]:
    """Secrets that are not enough, by name."""
    with locked_server.store() as store:
        revoked, secret = store.keys.create("gone", [Scope.DETECT], by="tests")
        store.keys.revoke(revoked.id, by="tests")
        account = store.accounts.ensure("mo", Role.MODERATOR, by="tests")
        session = store.accounts.sign_in(store.accounts.new_link(account.id, by="tests"))
    assert session
    return {
        "revoked": secret,
        "reader": locked_server.new_key(Scope.READ),
        "session": session,
    }


def check(row: Row, answer: tuple[int, dict[str, str]]) -> None:
    status, body = answer
    assert (status, body["code"]) == (row.status, row.code), body["error"]
    assert body.keys() == {"error", "code", "request_id"}
    assert body["request_id"]
    assert not {"Traceback", 'File "', "site-packages", "sqlalchemy"} & set(body["error"].split())
    assert len(body["error"]) < 500


@pytest.mark.parametrize("name", ROWS)
def test_hostile_input_is_refused_and_the_next_good_request_answered(
    name: str, open_server: Server
) -> None:
    row = ROWS[name]
    check(row, row.asked.send(open_server.url))
    status, body = hostile.good(next(_seeds)).send(open_server.url)
    assert status == 200, body


@pytest.mark.parametrize("name", hostile.KEYS)
def test_strangers_are_refused_and_the_next_good_request_answered(
    name: str, locked_server: Server, credentials: dict[str, str]
) -> None:
    how, asked = hostile.KEYS[name]
    headers = {key: value.format(**credentials) for key, value in asked.headers.items()}
    row = Row(*how, Asked(asked.method, asked.path, headers, asked.body))
    check(row, row.asked.send(locked_server.url))
    key = f"Bearer {locked_server.new_key(Scope.DETECT)}"
    status, body = hostile.good(next(_seeds)).send(locked_server.url, Authorization=key)
    assert status == 200, body


def test_a_body_that_never_ends_is_given_up_quietly(open_server: Server) -> None:
    assert hostile.unfinished(open_server.url) == b""
    assert hostile.good(next(_seeds)).send(open_server.url)[0] == 200


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) + len(hostile.KEYS) >= 150
