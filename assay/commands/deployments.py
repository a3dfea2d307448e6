"""`deployments list | show`: what was to answer where, who wanted it, and what came of it."""

from __future__ import annotations

import argparse
from typing import Any

from assay.commands import Answer, group, verb


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "deployments", "what was deployed where, by whom, and what came of it")
    listing = verb(verbs, "list", "the newest ones, newest first", _list)
    listing.add_argument("--target", default="", help="of this target only, such as local")
    listing.add_argument("--limit", type=_count, default=20, help="how many at most (20)")
    show = verb(verbs, "show", "one of them, with all that is known of it", _show)
    show.add_argument("id", help="as `deployments list` shows it, or the beginning of it")


def _list(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened
    from assay.reports import stored as reports

    with opened() as store:
        found = store.deployments.history(options.target, options.limit)
    return found, [reports.deployments(found)]


def _show(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened
    from assay.reports import stored as reports

    with opened() as store:
        found = store.deployments.get(options.id)
    return found, [reports.deployment(found)]


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is none; give at least 1")
    return count
