"""docs/coverage.md names commands, files and tests that exist, and a proof in every row."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from assay import __main__ as command
from assay.home import REPOSITORY
from tests.test_readme import verbs

TEXT = (REPOSITORY / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("| ").split(" | "))
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| component")
]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
PIPELINES = {path.stem for path in (REPOSITORY / "pipelines").glob("[!_]*.py")}
HELPERS = {
    "train": ("pipeline_runs", "trained_state"),
    "serve": ("Server", "Service", "servers.serving"),
}
"""What tests call in place of a command's name: the same script or pipeline, started for all."""


def proofs(row: tuple[str, ...]) -> list[str]:
    return re.findall(r"`(tests/[\w/.:]+)`", row[-1])


@cache
def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def names(row: tuple[str, ...]) -> str:
    return row[0]


def test_page_has_its_parts():
    assert len(ROWS) > 40
    assert all(len(row) == 3 for row in ROWS)
    assert len({row[0] for row in ROWS}) == len(ROWS)
    assert "\n## Not there yet\n" in TEXT


@pytest.mark.parametrize("row", ROWS, ids=names)
def test_row_has_a_command_and_a_proof_or_says_why_not(row: tuple[str, ...]):
    assert re.fullmatch(r"`[^`]+`(, `[^`]+`)*", row[1])
    is_sentence = row[2].startswith("Not ") and row[2].endswith(".")
    assert bool(proofs(row)) != is_sentence


@pytest.mark.parametrize("row", ROWS, ids=names)
def test_named_tests_exist(row: tuple[str, ...]):
    for name in proofs(row):
        path, _, function = name.partition("::")
        assert (REPOSITORY / path).is_file(), name
        assert not function or function in functions(REPOSITORY / path), name


@pytest.mark.parametrize("row", ROWS, ids=names)
def test_named_commands_exist(row: tuple[str, ...]):
    for words in re.findall(r"`([^`]+)`", row[1]):
        first, *rest = words.split()
        if first == "run.py" and rest[0] == "--pipeline":
            assert rest[1] in PIPELINES
        elif first == "make":
            assert re.search(rf"^{rest[0]}:", MAKEFILE, re.MULTILINE)
        elif words.startswith("python -m assay "):
            assert " ".join(rest[2:]) in set(verbs(command.parser()))
        else:
            assert (REPOSITORY / first).is_file()


@pytest.mark.parametrize("config", sorted(set(re.findall(r"--config (\S+?)`", TEXT))))
def test_named_configs_exist(config: str):
    assert (REPOSITORY / config).is_file()


@pytest.mark.parametrize("pipeline", sorted(PIPELINES))
def test_every_pipeline_has_a_row(pipeline: str):
    assert any(f"--pipeline {pipeline}" in row[1] for row in ROWS)


def test_every_thing_of_the_module_has_a_row():
    things = {verb.split()[0] for verb in verbs(command.parser())}
    assert things == set(re.findall(r"`python -m assay (\w+)", "".join(row[1] for row in ROWS)))


@pytest.mark.parametrize("word", sorted(PIPELINES | {"serve", "dashboard"}))
def test_what_a_command_starts_is_started_by_a_test_of_one_of_its_rows(word: str):
    shown = re.compile(rf"(--pipeline|make) {word}\b")
    named = {name for row in ROWS if shown.search(row[1]) for name in proofs(row)}
    texts = [(REPOSITORY / name.partition("::")[0]).read_text("utf-8") for name in named]
    calls = (f'"{word}"', f"{word}.py", *HELPERS.get(word, ()))
    assert any(call in text for text in texts for call in calls)
