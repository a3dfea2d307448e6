"""GitHub's workflows: their schema, their shell, what they may do, and what they refer to."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yaml"))
SCHEMA = "--builtin-schema", "vendor.github-workflows"

Validator = Callable[..., "subprocess.CompletedProcess[str]"]


def load(file: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: v for key, v in yaml.safe_load(file.read_text()).items()}


def faults(workflow: dict[str, Any]) -> list[str]:
    """What GitHub would refuse or what would do harm, and no schema tells."""
    found = [] if workflow.get("permissions") == {} else ["permissions: nothing by default"]
    found += [] if workflow.get("concurrency", {}).get("group") else ["concurrency: no group"]
    jobs = workflow["jobs"]
    for name, job in jobs.items():
        needed = job.get("needs", [])
        needed = [needed] if isinstance(needed, str) else needed
        found += [f"{name}: needs {other}, which is no job" for other in {*needed} - {*jobs}]
        if "uses" in job:
            path = ROOT / job["uses"].removeprefix("./")
            found += [] if path.is_file() else [f"{name}: {job['uses']} does not exist"]
            continue
        found += [] if "timeout-minutes" in job else [f"{name}: no timeout-minutes"]
        found += [f"{name}: {line}" for line in _outputs(job, jobs)]
    return found


def _outputs(job: dict[str, Any], jobs: dict[str, Any]) -> list[str]:
    """References to results of steps and jobs that are nowhere made."""
    steps = {step.get("id") for step in job["steps"]}
    expressions = " ".join(re.findall(r"\$\{\{(.*?)\}\}", yaml.safe_dump(job, width=10_000)))
    missing = {*re.findall(r"\bsteps\.([\w-]+)", expressions)} - steps
    return [f"no step has the id {name}" for name in sorted(missing)] + [
        f"no output {output} of the job {name}"
        for name, output in re.findall(r"\bneeds\.([\w-]+)\.outputs\.([\w-]+)", expressions)
        if output not in jobs.get(name, {}).get("outputs", {})
    ]


def scripts(workflow: dict[str, Any]) -> list[str]:
    """What the steps run, expressions replaced by a word so that it is shell."""
    steps = [step for job in workflow["jobs"].values() for step in job.get("steps", [])]
    runs = [step["run"] for step in steps if "run" in step]
    return [
        "#!/usr/bin/env bash\nset -eo pipefail\n" + re.sub(r"\$\{\{.*?\}\}", "x", r) for r in runs
    ]


def test_what_the_issue_asks_for_is_there() -> None:
    triggers = {file.stem: {*load(file)["on"]} for file in FILES}
    assert "push" in triggers["test"]
    assert "schedule" in triggers["nightly"]
    assert "repository_dispatch" in triggers["retrain"]
    assert {"schedule", "push"} <= triggers["audit"]
    assert {"workflow_call", "workflow_dispatch"} <= triggers["deliver"]


def test_production_comes_after_staging_and_is_reviewed() -> None:
    jobs = load(FOLDER / "deliver.yaml")["jobs"]
    assert jobs["production"]["needs"] == "staging"
    assert jobs["production"]["environment"] == "production"
    assert [jobs[job]["needs"] for job in ("staging", "optimize")] == ["optimize", "evaluate"]


def test_strangers_code_never_reaches_the_machine_with_the_state() -> None:
    for file in FILES:
        workflow = load(file)
        if {"push", "pull_request", "pull_request_target"} & {*workflow["on"]}:
            runners = [job["runs-on"] for job in workflow["jobs"].values()]
            assert all(isinstance(runner, str) for runner in runners), file.name


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_references_resolve(file: Path) -> None:
    assert faults(load(file)) == []


@pytest.fixture(scope="module")
def refused(validator: Validator, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files that the schema of workflows refuses: ours, a good and a planted one."""
    folder = tmp_path_factory.mktemp("workflows")
    (folder / "good.yaml").write_text(GOOD)
    (folder / "planted.yaml").write_text(GOOD.replace("steps:", "stesp:"))
    files = [*FILES, *folder.iterdir()]
    judged = validator("check-jsonschema", *SCHEMA, "--output-format", "json", *files)
    return {Path(error["filename"]).name for error in json.loads(judged.stdout)["errors"]}


def test_schema_is_met_and_a_planted_misspelling_is_caught(refused: set[str]) -> None:
    assert refused == {"planted.yaml"}


def test_security_rules_are_met(validator: Validator) -> None:
    rules = validator("zizmor", "--offline", "--no-progress", "--quiet", FOLDER)
    assert rules.returncode == 0, rules.stdout


def test_shell_of_the_steps_is_sound(validator: Validator, tmp_path: Path) -> None:
    for number, script in enumerate(s for file in FILES for s in scripts(load(file))):
        (tmp_path / f"{number}.sh").write_text(script)
    checked = validator("shellcheck", *sorted(tmp_path.glob("*.sh")))
    assert checked.returncode == 0, checked.stdout


GOOD = """
on: push
permissions: {}
concurrency: {group: planted}
jobs:
  first:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - run: echo finished
"""
BROKEN = {
    "an injected title": ("zizmor", GOOD.replace("finished", "${{ github.event.issue.title }}")),
    "a moving tag": ("zizmor", GOOD.replace("run: echo finished", "uses: someone/action@main")),
    "an unquoted variable": ("shellcheck", GOOD.replace("echo finished", "rm -r $HOME/$1")),
}
ARGUMENTS = {"zizmor": ("--offline", "--no-progress"), "shellcheck": ()}


@pytest.mark.parametrize("what", BROKEN)
def test_planted_mistake_is_caught(what: str, validator: Validator, tmp_path: Path) -> None:
    command, text = BROKEN[what]
    for name, content in (("good", GOOD), ("broken", text)):
        file = tmp_path / f"{name}.yaml"
        file.write_text(content)
        if command == "shellcheck":
            file = tmp_path / f"{name}.sh"
            file.write_text(scripts(yaml.safe_load(content))[0])
        judged = validator(command, *ARGUMENTS[command], file)
        assert (judged.returncode == 0) == (name == "good"), judged.stdout + judged.stderr


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("permissions: {}", "permissions: write-all", "permissions: nothing by default"),
        ("timeout-minutes: 5", "needs: frist", "first: needs frist, which is no job"),
        ("timeout-minutes: 5", "name: it", "first: no timeout-minutes"),
        ("echo finished", "echo ${{ steps.it.outputs.x }}", "first: no step has the id it"),
        ("concurrency: {group: planted}", "name: it", "concurrency: no group"),
    ],
)
def test_planted_reference_is_found(old: str, new: str, fault: str) -> None:
    assert fault in faults(yaml.safe_load(GOOD.replace(old, new)))
