"""Workflows, Argo's templates and playbooks run commands that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra import commands
from tests.infra.commands import Command

FOUND = commands.of_the_project()


@pytest.mark.parametrize("command", FOUND, ids=lambda c: f"{c.file}: {' '.join(c.words)}")
def test_command_exists(command: Command) -> None:
    assert commands.fault(command) is None


@pytest.mark.parametrize(
    "pipeline", ["data_validation", "train", "evaluate", "optimize", "deploy", "loop"]
)
def test_workflows_and_argo_run_the_same_pipelines(pipeline: str) -> None:
    ran = {c.file.split("/")[1] for c in FOUND if pipeline in c.words}
    made = {c.file.split("/")[1] for c in FOUND if c.program == "make" and pipeline in c.words}
    assert {"workflows", "argo"} <= ran | made


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("run: make trian", "make has no target trian"),
        ("run: .venv/bin/python run.py --pipeline trian", "no pipeline is called 'trian'"),
        ("args: [--pipeline, train, --set, data.limt=3]", "data.limt"),
        ("args: [--pipeline, evaluate, --set, protocol=loo]", "protocol"),
        ("cmd: cd /opt && python run.py --pipline train", "not a command of run.py"),
    ],
)
def test_a_planted_mistake_is_found(line: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "planted.yaml").write_text(line)
    (command,) = commands.of_file(tmp_path / "planted.yaml", tmp_path)
    assert fault in (commands.fault(command) or "")
