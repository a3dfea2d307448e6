"""`storage status | gc`: what lies where, and the removal of what no model needs."""

from __future__ import annotations

import argparse
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from assay.commands import Answer, group, verb
from assay.progress import bar

if TYPE_CHECKING:
    from typing import Any

    from assay.garbage import Rules


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "storage", "the state folder and the shared storage")
    verb(verbs, "status", "what lies where, and how much", _status)
    gc = verb(verbs, "gc", "remove datasets that no registered model needs", _gc)
    gc.add_argument("--dry-run", action="store_true", help="show what would go, and remove nothing")
    gc.add_argument(
        "--older-than", type=_days, default=30, metavar="DAYS", help="days without use (30)"
    )


def _status(_options: argparse.Namespace) -> Answer:
    from assay import dataset_store, home, usage
    from assay.reports import storage as tables

    found = usage.measure(home.root(), dataset_store.storage())
    return found, [tables.usage(found)]


def _gc(options: argparse.Namespace) -> Answer:
    from assay import dataset_store, garbage, home
    from assay.reports import storage as tables

    os.environ.update(home.environment())
    place, root = dataset_store.storage(), home.root() / "datasets"
    older_than = timedelta(days=options.older_than)
    if options.dry_run:
        found = garbage.look(place, root, _rules(older_than))
    else:
        with bar() as progress:
            found = garbage.sweep(place, root, lambda: _rules(older_than), progress)
    return found, tables.garbage(found, options.dry_run)


def _rules(older_than: timedelta) -> Rules:
    from assay import garbage
    from assay.commands.stored import opened

    with opened() as store:
        return garbage.rules(store, older_than)


def _days(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: give at least 1")
    return count
