"""`loop list | show | listen`: what the loop did by itself, and alerts that start it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from assay.commands import Answer, group, verb


def add(things: Any) -> None:
    """Add the verbs to the command line."""
    verbs = group(things, "loop", "what the loop did by itself, and alerts that start it")
    listing = verb(verbs, "list", "the newest turns, newest first", _list)
    listing.add_argument("--limit", type=int, default=20, help="how many at most (20)")
    show = verb(verbs, "show", "one of them, stage by stage", _show)
    show.add_argument("id", help="as `loop list` shows it, or the beginning of it")
    listen = verb(verbs, "listen", "start the loop when Alertmanager says so", _listen)
    listen.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    listen.add_argument("--port", type=int, default=3100, help="0 for any that is free (3100)")
    listen.add_argument(
        "--every", type=float, default=6.0, metavar="HOURS", help="at most one in so long (6)"
    )


def _list(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened
    from assay.reports import stored as reports

    with opened() as store:
        found = store.loops.history(options.limit)
    return found, [reports.loops(found)]


def _show(options: argparse.Namespace) -> Answer:
    from assay.commands.stored import opened
    from assay.reports import stored as reports

    with opened() as store:
        found = store.loops.get(options.id)
    return found, [reports.loop(found)]


def _listen(options: argparse.Namespace) -> Answer:
    import os
    from datetime import timedelta

    from assay.commands.stored import opened
    from assay.loop.listening import TOKEN_VARIABLE, Listener, Starter

    with opened() as store:
        starter = Starter(store.loops, timedelta(hours=options.every))
        token = os.environ.get(TOKEN_VARIABLE, "")
        with Listener(options.host, options.port, token, starter) as listener:
            sys.stderr.write(f"alerts go to {listener.url}; Ctrl-C ends it\n")
            listener.serve_forever()
    return {}, []
