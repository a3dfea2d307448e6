"""`captures show | delete | prune`: what was served, looked at and forgotten."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from assay.commands import Answer, group, verb


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "captures", "what was served: look at it, forget it")
    show = verb(verbs, "show", "one capture, without its image", _show)
    show.add_argument("id")
    delete = verb(verbs, "delete", "redact one capture and remove its image, for good", _delete)
    delete.add_argument("id")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    prune = verb(verbs, "prune", "redact all captures of a certain age, and tidy up", _prune)
    prune.add_argument("--older-than", type=_days, required=True, metavar="DAYS", dest="days")


def _show(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened
    from assay.reports import stored as reports

    with opened() as store:
        capture = store.captures.get(options.id)
        siblings = store.captures.siblings(options.id)
        decision = store.feedback.decision(options.id)
    facts = capture.model_dump(mode="json", exclude={"embedding"})
    shown = {**facts, "siblings": siblings, "decision": decision}
    return shown, [reports.capture(capture, siblings, decision)]


def _delete(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import actor, opened
    from assay.errors import ConfigError

    with opened() as store:
        store.captures.get(options.id)
        if not options.yes and not _agreed(options.id):
            raise ConfigError("nothing was deleted; --yes does not ask")
        store.retention.delete(options.id, actor())
    return {"deleted": options.id}, [f"deleted {options.id}"]


def _prune(options: argparse.Namespace) -> Answer:
    from datetime import timedelta

    from assay.commands.stored import actor, opened

    with opened() as store:
        moment = store.database.now() - timedelta(days=options.days)
        count = store.retention.delete_before(moment, actor())
        store.retention.tidy()
    noun = "capture" if count == 1 else "captures"
    facts = {"deleted": count, "served_before": moment}
    return facts, [f"deleted {count} {noun} served before {moment:%Y-%m-%d %H:%M} UTC"]


def _agreed(capture_id: str) -> bool:
    """Whether somebody at a terminal says so; without one, nobody does."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"delete capture {capture_id} and its image for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _days(text: str) -> float:
    """A length of time in days; what is none is refused here, not by an overflow later."""
    days = float(text)
    if not 0 <= days <= 36_500:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 36500")
    return days
