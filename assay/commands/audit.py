"""`audit verify`: whether the audit log is as it was written."""

from __future__ import annotations

import argparse
from typing import Any

from assay.commands import FAILED, Answer, group, verb


def add(things: Any) -> None:
    """Add the verb to the command line."""
    verbs = group(things, "audit", "who did what")
    purpose = "is the audit log whole; its head, to be noted elsewhere"
    verb(verbs, "verify", purpose, _verify, lambda facts: 0 if facts["is_whole"] else FAILED)


def _verify(_options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened

    with opened() as store:
        wrong, (number, digest) = store.audit.verify(), store.audit.head()
    facts = {"is_whole": wrong is None, "first_wrong": wrong, "entries": number, "head": digest}
    if wrong is not None:
        return facts, [f"not whole: entry {wrong} does not follow from those before it"]
    return facts, [f"whole: {number} entries; head {digest}"]
