"""The commands that files of infra/ and .github/ run: what is asked of run.py and of make."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from assay import parameters
from assay.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (".github/workflows", "infra/argo", "infra/ansible", "infra/compose", "infra/kubernetes")


@dataclass(frozen=True)
class Command:
    """Words after ``run.py`` or ``make``, and the file that has them."""

    file: str
    program: str
    words: tuple[str, ...]


def of_the_project(root: Path = ROOT) -> list[Command]:
    """Every command in every YAML file of `FOLDERS`."""
    files = sorted(f for folder in FOLDERS for f in (root / folder).rglob("*.y*ml"))
    return [command for file in files for command in of_file(file, root)]


def of_file(file: Path, root: Path = ROOT) -> Iterator[Command]:
    """Commands in shell (``run: make train``) and as lists (``args: [--pipeline, train]``)."""
    name = str(file.relative_to(root))
    # What Argo or GitHub fills in is any word.
    text = re.sub(r"\{\{.*?\}\}", "word", file.read_text())
    for document in yaml.safe_load_all(text):
        for words in _lines(document):
            yield from _of_words(name, words)


def _lines(node: Any) -> Iterator[list[str]]:
    """Each string, split as a shell does, and each list of strings, below ``node``."""
    if isinstance(node, str):
        yield from _of_shell(node)
    elif isinstance(node, list) and all(isinstance(item, str) for item in node):
        # A pod's `args` stand apart from its `command`, which ends with run.py.
        if node and node[-1] != "run.py":
            yield ["run.py", *node] if node[0] == "--pipeline" else node
    elif isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _lines(item)


def _of_shell(text: str) -> Iterator[list[str]]:
    if re.search(r"run\.py|\bmake\b", text):
        for line in text.splitlines():
            yield from (shlex.split(part) for part in re.split(r"&&|\|\||;", line))


def _of_words(file: str, words: list[str]) -> Iterator[Command]:
    for place, word in enumerate(words):
        if word == "run.py" or word.endswith("/run.py"):
            yield Command(file, "run.py", tuple(words[place + 1 :]))
        elif word == "make":
            yield Command(file, "make", tuple(words[place + 1 :]))


def fault(command: Command, root: Path = ROOT) -> str | None:
    """What is wrong with a command, or None."""
    if command.program == "make":
        targets = re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE)
        wrong = [w for w in command.words if "=" not in w and w not in targets]
        return f"make has no target {wrong[0]}" if wrong else None
    flags, values = command.words[::2], command.words[1::2]
    if len(flags) != len(values) or not {*flags} <= {"--pipeline", "--config", "--set"}:
        return f"not a command of run.py: {shlex.join(command.words)}"
    return _fault_of_run(list(zip(flags, values, strict=True)), root)


def _fault_of_run(given: list[tuple[str, str]], root: Path) -> str | None:
    name = next((value for flag, value in given if flag == "--pipeline"), "")
    file = root / "pipelines" / f"{name}.py"
    if not file.is_file():
        return f"no pipeline is called {name!r}"
    default = root / "configs" / f"{name}.yaml"
    config = next((root / value for flag, value in given if flag == "--config"), default)
    settings = [value for flag, value in given if flag == "--set"]
    try:
        values = parameters.read(config if config.is_file() else None, settings)
        parameters.validate(parameters.signature(file), values)
    except ConfigError as error:
        return str(error)
    return None
