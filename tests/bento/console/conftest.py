"""The console of a running service, and people signed in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from assay.store import Role
from bento.api.auth import CSRF_HEADER, SESSION_COOKIE, csrf_token
from tests.bento import services
from tests.bento.services import Service

PAGE = {"Accept": "text/html,application/xhtml+xml"}
"""What a browser sends when it goes to a page."""

SignedIn = Callable[..., TestClient]


@pytest.fixture(scope="module")
def desk(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for sessions."""
    with services.running(served_model, tmp_path_factory.mktemp("desk"), auth=True) as running:
        yield running


@pytest.fixture
def signed_in(desk: Service) -> SignedIn:
    """A client of ``desk`` with the session of an account of the given name and role."""

    def client(name: str = "ada", role: Role = Role.MODERATOR) -> TestClient:
        accounts = desk.runtime.store.accounts
        account = accounts.ensure(name, role, "test")
        session = accounts.sign_in(accounts.new_link(account.id, "test")) or ""
        headers = {**PAGE, CSRF_HEADER: csrf_token(session)}
        cookies = {SESSION_COOKIE: session}
        return TestClient(
            desk.app, base_url=services.BASE_URL, headers=headers, cookies=cookies,
            follow_redirects=False, raise_server_exceptions=False,
        )  # fmt: skip

    return client


@pytest.fixture
def stranger(desk: Service) -> TestClient:
    """A browser without a session."""
    return TestClient(desk.app, base_url=services.BASE_URL, headers=PAGE, follow_redirects=False)


def link_for(desk: Service, name: str, role: Role = Role.MODERATOR) -> str:
    """The path of a fresh sign-in link."""
    accounts = desk.runtime.store.accounts
    return f"/sign-in/{accounts.new_link(accounts.ensure(name, role, 'test').id, 'test')}"


def text_of(answer: httpx.Response, status: int = 200) -> str:
    """The body of a page, which has to have this status."""
    assert answer.status_code == status, answer.text[:500]
    return answer.text
