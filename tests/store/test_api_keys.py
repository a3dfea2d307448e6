"""Keys are found by their secret until they are revoked."""

import pytest
import sqlalchemy as sa

from assay.errors import NotStored
from assay.store import Scope, Store
from assay.store.account_tables import ApiKeyRow
from assay.store.ids import new_id


def test_key_is_found_by_its_secret_with_its_scopes(store: Store):
    key, secret = store.keys.create("platform", {Scope.DETECT, Scope.READ}, "admin")
    assert store.keys.find(secret) == key
    assert key.scopes == {Scope.DETECT, Scope.READ}
    assert secret.startswith("assay_live_")


def test_sandbox_key_says_so(store: Store):
    key, secret = store.keys.create("platform", {Scope.DETECT}, "admin", is_sandbox=True)
    assert key.is_sandbox
    assert secret.startswith("assay_test_")


@pytest.mark.parametrize("change", [str.upper, lambda s: s[:-1], lambda s: s + "x", lambda _: ""])
def test_another_secret_is_nobodys(store: Store, change):
    _, secret = store.keys.create("platform", {Scope.DETECT}, "admin")
    assert store.keys.find(change(secret)) is None


def test_revoked_key_is_not_found_but_listed(store: Store, clock):
    key, secret = store.keys.create("platform", {Scope.DETECT}, "admin")
    store.keys.revoke(key.id, "admin")
    revoked = store.keys.all()[0].revoked_at
    clock.advance(60)
    store.keys.revoke(key.id, "admin")
    assert store.keys.find(secret) is None
    assert store.keys.all()[0].revoked_at == revoked
    with pytest.raises(NotStored, match="keys list"):
        store.keys.revoke(new_id(), "admin")


def test_only_the_digest_is_kept(store: Store):
    _, secret = store.keys.create("platform", {Scope.DETECT}, "admin")
    with store.database.reading() as session:
        row = session.scalars(sa.select(ApiKeyRow)).one()
    assert secret not in map(str, vars(row).values())
    assert secret.removeprefix("assay_live_") not in row.digest
