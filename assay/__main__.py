"""What is not a pipeline: look at the datasets of the state folder, verify a case file.

    python -m assay datasets list
    python -m assay datasets show latest
    python -m assay datasets diff VERSION VERSION
    python -m assay verify case.zip --key PUBLIC_KEY

Exit status: 0 done, 1 something cannot be read, 2 a wrong name or option.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

# Heavy imports are inside functions: --help answers in a fraction of a second.
from assay.errors import AssayError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

FAILED, WRONG_NAME = 1, 2

Answer = tuple[Any, Iterable["RenderableType"]]
"""What ``--json`` prints, and what is drawn without it."""


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
    except (AssayError, OSError) as error:
        print(f"python -m assay: {error}", file=sys.stderr)
        return WRONG_NAME if isinstance(error, ConfigError) else FAILED


def parser() -> argparse.ArgumentParser:
    """The command line; the tests of the README parse its examples with it."""
    top = _Parser(prog="python -m assay", description=__doc__)
    things = top.add_subparsers(title="things", metavar="THING")
    datasets = things.add_parser("datasets", help="the datasets of the state folder")
    verbs = datasets.add_subparsers(title="verbs", metavar="VERB")
    _verb(verbs, "list", "every dataset: when, from what, how many, which models", _list)
    show = _verb(verbs, "show", "what one dataset holds", _show)
    show.add_argument("version", help="a version, the beginning of one, 'latest', or a path")
    diff = _verb(verbs, "diff", "what came, went and changed between two datasets", _diff)
    diff.add_argument("before", help="as in show")
    diff.add_argument("after", help="as in show")
    purpose = "is a case file what was signed, and does its verdict follow from it"
    verify = _verb(
        things, "verify", purpose, _verify, lambda found: 0 if found.is_intact else FAILED
    )
    verify.add_argument("file", type=Path, help="a case.zip")
    verify.add_argument("--key", help="the public key (base64) of whoever should have signed it")
    return top


def _verb(
    verbs: Any,
    name: str,
    purpose: str,
    answer: Callable[[argparse.Namespace], Answer],
    status: Callable[[Any], int] = lambda _: 0,
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = verbs.add_parser(name, help=purpose, description=purpose)
    made.add_argument("--json", action="store_true", help="print JSON instead of tables")
    made.set_defaults(answer=answer, status=status)
    return made


def _list(options: argparse.Namespace) -> Answer:
    from assay import catalogue
    from assay.reports import catalogue as tables

    found = catalogue.entries(_root(), _trained_models())
    if not found and not options.json:
        print(f"no datasets in {_root()}; build one: python run.py --pipeline data_validation")
        return found, ()
    return found, (tables.listing(found),)


def _show(options: argparse.Namespace) -> Answer:
    from assay import catalogue
    from assay.reports import catalogue as tables

    shown = catalogue.contents(catalogue.resolve(options.version, _root()))
    return shown, tables.contents(shown)


def _diff(options: argparse.Namespace) -> Answer:
    from assay import catalogue, dataset_diff
    from assay.reports import catalogue as tables

    both = (catalogue.resolve(name, _root()) for name in (options.before, options.after))
    found = dataset_diff.diff(*both)
    return found, tables.difference(found)


def _verify(options: argparse.Namespace) -> Answer:
    from assay import case_verification, signing_keys
    from assay.reports import case

    key = signing_keys.decoded(options.key, "--key") if options.key else None
    found = case_verification.verify(options.file, key)
    return found, case.verification(found)


def _root() -> Path:
    """Where datasets are; looking makes no folder."""
    from assay import home

    return home.root() / "datasets"


def _trained_models() -> dict[str, list[str]]:
    """Registered models by dataset version; none where nothing was ever registered."""
    from assay import home, model_registry

    os.environ.update(home.environment())
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # a list need not wait minutes
    return model_registry.trained_on()


def _print(facts: Any, drawn: Iterable[RenderableType], as_json: bool) -> None:
    if as_json:
        import json

        from pydantic import TypeAdapter

        print(json.dumps(TypeAdapter(Any).dump_python(facts, mode="json"), indent=2), flush=True)
        return
    from assay.reports import terminal

    console = terminal.console()
    for part in drawn:
        console.print(part)
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
