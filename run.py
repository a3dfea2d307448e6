"""Run a pipeline, as in ``python run.py --pipeline train --set data.limit=200``.

Settings come from configs/<pipeline>.yaml (or --config FILE), then --set KEY=VALUE; everything is
validated before anything starts. Exit status: 0 done, 1 a stage failed or a deployment fell
through, 2 a wrong setting, 130 interrupted.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

# Heavy imports are inside functions: --help and --list answer in a fraction of a second.
from assay.errors import AssayError, ConfigError, UnknownPlugin

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

ROOT = Path(__file__).resolve().parent
FAILED, WRONG_SETTING, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    if options.list:
        for name, file in pipelines().items():
            print(f"{name:<16} {purpose(file)}")
        return 0
    try:
        values = _parameters(options.pipeline, options.config, options.set)
        return _run(options.pipeline, values, options.name, options.schedule)
    except ConfigError as error:
        return _refuse(error)
    except KeyboardInterrupt:  # while libraries are still being imported
        print("run.py: interrupted, nothing had begun", file=sys.stderr)
        return INTERRUPTED


def pipelines() -> dict[str, Path]:
    """The files of the pipelines by name."""
    files = sorted((ROOT / "pipelines").glob("[!_]*.py"))
    return {file.stem: file for file in files}


def purpose(file: Path) -> str:
    """The first line of a pipeline's docstring; the file is not imported."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pipeline", metavar="NAME", help="the pipeline to run")
    what.add_argument("--list", action="store_true", help="list the pipelines and their purpose")
    parser.add_argument("--config", metavar="FILE", type=Path, help="a YAML file of settings")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="override one setting"
    )
    parser.add_argument("--name", default="", help="the name of the run, instead of a new one")
    parser.add_argument(
        "--schedule", metavar="CRON", default="", help="let ZenML's orchestrator run it by schedule"
    )
    return parser


def _parameters(pipeline: str, config: Path | None, assignments: list[str]) -> dict[str, Any]:
    """Typed arguments for ``pipeline``; raises `ConfigError`."""
    from assay import parameters

    files = pipelines()
    if pipeline not in files:
        raise UnknownPlugin("pipeline", pipeline, files)
    default = ROOT / "configs" / f"{pipeline}.yaml"
    if config is None and default.is_file():
        config = default
    schema = parameters.signature(files[pipeline])
    return parameters.validate(schema, parameters.read(config, assignments))


def _run(pipeline: str, arguments: dict[str, Any], name: str = "", schedule: str = "") -> int:
    """Run and report; the log file has what the terminal leaves out."""
    from assay import home, logs

    try:
        home.prepare_environment()
    except (AssayError, OSError) as error:
        return _unusable(error)
    name = name or f"{pipeline}-{datetime.now().astimezone():%Y%m%d-%H%M%S}-{token_hex(2)}"
    from assay import tracking
    from pipelines import _runs as runs

    log = logs.start(name)  # after zenml's import, which puts its own handlers in place
    try:
        tracking.close_orphans()
        runs.close_orphans()
        runs.launch(pipeline, name, arguments, schedule)
    except KeyboardInterrupt:
        return _interrupted(name, log)
    except Exception as error:  # the process boundary: a stage may raise anything
        if isinstance(error, ConfigError) and runs.find(name) is None:
            raise
        return _failed(name, error, log)
    try:
        return _report(runs.find(name), log)
    except (AssayError, OSError) as error:
        return _unusable(error)


def _refuse(error: AssayError) -> int:
    print(f"run.py: {error}", file=sys.stderr)
    return WRONG_SETTING


def _unusable(error: Exception) -> int:
    """The state folder, or what it should hold, cannot be used."""
    print(f"run.py: {error}", file=sys.stderr)
    return FAILED


def _interrupted(name: str, log: Path) -> int:
    from pipelines import _runs as runs

    if run := runs.find(name):
        runs.stop(run)
    print(f"run.py: interrupted; run the same command to go on (log: {log})", file=sys.stderr)
    return INTERRUPTED


def _failed(name: str, error: Exception, log: Path) -> int:
    import logging

    from pipelines import _runs as runs

    logging.getLogger("assay.run").error("run %s failed", name, exc_info=error)
    run = runs.find(name)
    failed = [s.name for s in runs.stages(run) if s.state == "failed"] if run else []
    reason = str(error).partition("\n")[0]
    kind = "" if isinstance(error, AssayError) else f"{type(error).__name__}: "
    where = f"stage {failed[0]}" if failed else "the run"
    print(f"run.py: {where} failed: {kind}{reason} (log: {log})", file=sys.stderr)
    return FAILED


def _report(run: PipelineRunResponse | None, log: Path) -> int:
    """The closing tables: stages, what came out, and where to look next; the exit status.

    A release that was refused or taken back is a value, but whoever deploys from a script relies
    on it that what was to answer does.
    """
    from rich.text import Text

    from assay import dashboards
    from assay.reports import terminal
    from pipelines import _runs as runs

    if run is None:
        return 0
    results = runs.results(run)
    console = terminal.console()
    console.print(terminal.stages(runs.stages(run)))
    for drawn in terminal.outcome(results):
        console.print()
        console.print(drawn, soft_wrap=isinstance(drawn, Text))  # a command stays in one line
    page = dashboards.addresses().zenml_run(str(run.id), run.project.name)
    console.print(f"\nlog: {log}\ndashboards: make dashboard, then {page}", soft_wrap=True)
    fell_through = any(getattr(one, "fell_through", False) for one in results.values())
    return FAILED if fell_through else 0


if __name__ == "__main__":
    sys.exit(main())
