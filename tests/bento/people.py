"""Those who ask a service: with a key, signed in, or nobody."""

from __future__ import annotations

from starlette.testclient import TestClient

from assay.store import Role, Scope
from bento.api.auth import CSRF_HEADER, SESSION_COOKIE, csrf_token
from tests.bento import services
from tests.bento.services import Service


class People:
    """Clients of one service, each as somebody else."""

    def __init__(self, service: Service) -> None:
        self._service, self._store = service, service.runtime.store

    def nobody(self) -> TestClient:
        """Without a key."""
        return TestClient(self._service.app, base_url=services.BASE_URL)

    def key(self, client: str, *scopes: Scope, is_sandbox: bool = False) -> TestClient:
        """With a key of ``client``."""
        _, secret = self._store.keys.create(client, scopes, "tests", is_sandbox=is_sandbox)
        return self._with({"Authorization": f"Bearer {secret}"})

    def account(self, name: str, role: Role = Role.MODERATOR) -> TestClient:
        """Signed in, with the token that pages of the session send."""
        account = self._store.accounts.ensure(name, role, "tests")
        secret = self._store.accounts.sign_in(self._store.accounts.new_link(account.id, "tests"))
        assert secret is not None
        cookie = f"{SESSION_COOKIE}={secret}"
        return self._with({"Cookie": cookie, CSRF_HEADER: csrf_token(secret)})

    def _with(self, headers: dict[str, str]) -> TestClient:
        client = self.nobody()
        client.headers.update(headers)
        return client
