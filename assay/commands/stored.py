"""What the verbs on the store share: opening it, and who is said to have done it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.store import Account, Store


@contextmanager
def opened() -> Iterator[Store]:
    """The store that the environment names; what it has spooled is left to its service."""
    from assay.store import Store, StoreSettings

    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        yield store


def actor() -> str:
    """Whom the audit log names: whoever is logged in on this machine."""
    from assay import processes

    name = processes.user()
    return f"command line: {name}" if name else "command line"


def account_named(store: Store, name: str) -> Account:
    """The account of this name; raises `ConfigError`, with the nearest one that there is."""
    from assay.errors import ConfigError, did_you_mean

    accounts = {account.name: account for account in store.accounts.all()}
    if name not in accounts:
        raise ConfigError(
            f"no account {name!r}{did_you_mean(name, accounts)}; `accounts list` names them"
        )
    return accounts[name]
