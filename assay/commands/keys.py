"""`keys create | list | revoke`: the keys that platforms call the service with."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.commands import Answer, group, verb

if TYPE_CHECKING:
    from assay.store import ApiKey

_SCOPES = "detect", "read", "feedback", "report", "export", "delete"
"""`assay.store.Scope`, whose module is too slow to import for ``--help``; a test compares them."""


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "keys", "the keys that platforms call the service with")
    create = verb(verbs, "create", "a new key, whose secret is shown this once", _create)
    create.add_argument("name", help="the platform or system that will hold the key")
    create.add_argument(
        "--scope",
        action="append",
        choices=_SCOPES,
        help="what it may do, once for each (default: detect and read)",
    )
    create.add_argument(
        "--sandbox", action="store_true", help="a test key: fixed answers, nothing is captured"
    )
    verb(verbs, "list", "every key, revoked ones included, newest first", _list)
    revoke = verb(verbs, "revoke", "end a key, from the next request on", _revoke)
    revoke.add_argument("id", help="as `keys list` shows it; not the secret")


def _create(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import actor, opened
    from assay.reports import stored as reports
    from assay.store import Scope

    scopes = {Scope(name) for name in options.scope or ("detect", "read")}
    with opened() as store:
        key, secret = store.keys.create(options.name, scopes, actor(), is_sandbox=options.sandbox)
    return {**_facts(key), "secret": secret}, reports.new_key(key, secret)


def _facts(key: ApiKey) -> dict[str, Any]:
    return {**asdict(key), "scopes": sorted(key.scopes)}


def _list(_options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened
    from assay.reports import stored as reports

    with opened() as store:
        found = store.keys.all()
    return [_facts(key) for key in found], [reports.keys(found)]


def _revoke(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import actor, opened

    with opened() as store:
        store.keys.revoke(options.id, actor())
    return {"revoked": options.id}, [f"revoked {options.id}"]
