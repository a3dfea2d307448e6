"""What is not a pipeline: datasets, case files, load, deployments, and what the service keeps.

    python -m assay datasets list
    python -m assay datasets show latest
    python -m assay datasets diff VERSION VERSION
    python -m assay datasets conflicts latest
    python -m assay verify case.zip --key PUBLIC_KEY
    python -m assay keys create NAME --scope detect
    python -m assay accounts add NAME --role moderator
    python -m assay captures show ID
    python -m assay known lookup IMAGE
    python -m assay lineage answer ID
    python -m assay audit verify
    python -m assay load http://127.0.0.1:3000 --rate 5
    python -m assay deployments list
    python -m assay loop list
    python -m assay storage gc --dry-run

Exit status: 0 done, 1 something cannot be read, 2 a wrong name or option, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from assay.commands import (
    FAILED,
    INTERRUPTED,
    WRONG_NAME,
    accounts,
    audit,
    captures,
    case_files,
    datasets,
    deployments,
    keys,
    known,
    lineage,
    load,
    loop,
    models,
    storage,
)
from assay.errors import AssayError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

_THINGS = (
    datasets,
    models,
    case_files,
    keys,
    accounts,
    captures,
    known,
    lineage,
    audit,
    deployments,
    load,
    loop,
    storage,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = parser().parse_args(arguments)
    if options.answer is None:
        options.explain()
        return 0
    try:
        facts, drawn = options.answer(options)
        _print(facts, drawn, options.json)
        return int(options.status(facts))
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is flushed at exit
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (AssayError, OSError) as error:
        print(f"python -m assay: {_told(error)}", file=sys.stderr)
        return WRONG_NAME if isinstance(error, ConfigError) else FAILED


def _told(error: AssayError | OSError) -> str:
    """An error in one line; one of the system without its number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def parser() -> argparse.ArgumentParser:
    """The command line; the tests of the README parse its examples with it."""
    top = _Parser(prog="python -m assay", description=__doc__)
    things = top.add_subparsers(title="things", metavar="THING")
    for thing in _THINGS:
        thing.add(things)
    return top


def _print(facts: Any, drawn: Iterable[RenderableType], as_json: bool) -> None:
    if as_json:
        import json

        from pydantic import TypeAdapter

        print(json.dumps(TypeAdapter(Any).dump_python(facts, mode="json"), indent=2), flush=True)
        return
    from assay.reports import terminal

    console = terminal.console()
    for part in drawn:
        console.print(part, soft_wrap=isinstance(part, str))  # a secret stays in one piece
        console.print()


class _Parser(argparse.ArgumentParser):
    """Answers a mistake with one line that names the nearest right word."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.set_defaults(answer=None, explain=self.print_help)

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        wrong = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if wrong:
            known = [word.strip("' ") for word in wrong[2].split(",")]
            hint = did_you_mean(wrong[1], known)
            message = f"unknown {wrong[1]!r}{hint}; known: {', '.join(known)}"
        self.exit(WRONG_NAME, f"{self.prog}: {message}; see: {self.prog} --help\n")


if __name__ == "__main__":
    sys.exit(main())
