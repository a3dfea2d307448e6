"""`accounts add | role | link | list | disable`: the people who sign in to the console."""

from __future__ import annotations

import argparse
from typing import Any

from assay.commands import Answer, group, verb

_ROLES = "viewer", "moderator", "admin"
"""`assay.store.Role`, whose module is too slow to import for ``--help``; a test compares them."""


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "accounts", "the people who sign in to the console")
    made = verb(verbs, "add", "a new account; `link` then signs it in", _add)
    made.add_argument("name", help="as others will see it")
    made.add_argument("--role", required=True, choices=_ROLES, help="what the person may do")
    role = verb(verbs, "role", "another role, from the account's next request on", _role)
    role.add_argument("name", help="as `accounts list` shows it")
    role.add_argument("role", choices=_ROLES, help="what the person may do")
    link = verb(verbs, "link", "a path of the service that signs an account in, once", _link)
    link.add_argument("name", help="as `accounts list` shows it")
    verb(verbs, "list", "every account, by name", _list)
    disable = verb(verbs, "disable", "end an account's sessions and right to sign in", _disable)
    disable.add_argument("name", help="as `accounts list` shows it")


def _add(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import actor, opened
    from assay.errors import ConfigError
    from assay.reports import stored as reports
    from assay.store import Role

    with opened() as store:
        if options.name in {account.name for account in store.accounts.all()}:
            raise ConfigError(f"there is an account {options.name!r} already")
        made = store.accounts.ensure(options.name, Role(options.role), actor())
    return made, [reports.accounts([made])]


def _role(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import account_named, actor, opened
    from assay.store import Role

    with opened() as store:
        found = account_named(store, options.name)
        store.accounts.set_role(found.id, Role(options.role), actor())
    return {"name": found.name, "role": options.role}, [f"{found.name} is {options.role} now"]


def _link(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import account_named, actor, opened
    from assay.errors import ConfigError

    with opened() as store:
        account = account_named(store, options.name)
        if account.is_disabled:
            raise ConfigError(f"account {options.name!r} is disabled and cannot sign in")
        path = f"/sign-in/{store.accounts.new_link(account.id, actor())}"
    return {"name": account.name, "path": path}, [path]


def _list(_options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened
    from assay.reports import stored as reports

    with opened() as store:
        found = store.accounts.all()
    return found, [reports.accounts(found)]


def _disable(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import account_named, actor, opened

    with opened() as store:
        store.accounts.disable(account_named(store, options.name).id, actor())
    return {"disabled": options.name}, [f"disabled {options.name}"]
