"""The verbs of `python -m assay`, one module a thing; each adds itself to the command line.

Heavy imports are inside functions: ``--help`` answers in a fraction of a second.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

FAILED, WRONG_NAME, INTERRUPTED = 1, 2, 130
"""Exit statuses, beside 0 for done."""

Answer = tuple[Any, Iterable["RenderableType"]]
"""What ``--json`` prints, and what is drawn without it."""


def group(things: Any, name: str, purpose: str) -> Any:
    """Add a thing that has verbs; what `verb` adds them to."""
    return things.add_parser(name, help=purpose).add_subparsers(title="verbs", metavar="VERB")


def verb(
    verbs: Any,
    name: str,
    purpose: str,
    answer: Callable[[argparse.Namespace], Answer],
    status: Callable[[Any], int] = lambda _: 0,
) -> argparse.ArgumentParser:
    """Add a verb; ``status`` turns its facts into the exit status."""
    made: argparse.ArgumentParser = verbs.add_parser(name, help=purpose, description=purpose)
    made.add_argument("--json", action="store_true", help="print JSON instead of tables")
    made.set_defaults(answer=answer, status=status)
    return made
