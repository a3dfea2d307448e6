"""Security rules over all of it, in one run, beside manifests that were broken on purpose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from scripts.set_up import ROOT
from tests.infra.kustomize import render

INFRA = ROOT / "infra"
SOUND, BROKEN = "sound", "broken"
NOT_TO_SCAN = shutil.ignore_patterns("kubernetes", "container", "*.txt", "*.in", "checkov.yaml")
"""Overlays are scanned as rendered, the Containerfile under the name that checkov knows."""

Failures = list[tuple[str, str]]


@pytest.fixture(scope="module")
def failures(
    validator: Callable[..., CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Failures]:
    """The rules that were broken, with the files, among the sound manifests and the broken ones."""
    folder = tmp_path_factory.mktemp("checkov")
    _put(folder / SOUND)
    _put_broken(folder / BROKEN)
    config = INFRA / "checkov.yaml"
    result = validator("checkov", "--config-file", config, "--output", "json", "-d", folder)
    reports = json.loads(result.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    assert sum(report["summary"]["passed"] for report in reports) > 500, result.stderr
    assert not any(report["summary"]["parsing_errors"] for report in reports)
    found = [one for report in reports for one in report["results"]["failed_checks"]]
    return {
        part: [
            (one["check_id"], one["file_path"]) for one in found if f"/{part}/" in one["file_path"]
        ]
        for part in (SOUND, BROKEN)
    }


def _put(folder: Path) -> None:
    shutil.copytree(INFRA, folder, ignore=NOT_TO_SCAN)
    shutil.copy(INFRA / "container" / "Containerfile", folder / "Dockerfile")
    workflows = ROOT / ".github" / "workflows"
    if workflows.is_dir():
        shutil.copytree(workflows, folder / ".github" / "workflows")
    kubernetes = INFRA / "kubernetes"
    for overlay in (*(kubernetes / "overlays").iterdir(), kubernetes / "loop"):
        (folder / f"{overlay.name}.yaml").write_text(yaml.safe_dump_all(render(overlay)))


def _put_broken(folder: Path) -> None:
    """A pod that may become root, and an image that is root."""
    folder.mkdir()
    manifests = render(INFRA / "kubernetes" / "overlays" / "production")
    (api,) = (one for one in manifests if one["kind"] == "StatefulSet")
    api["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    (folder / "privileged.yaml").write_text(yaml.safe_dump(api))
    text = (INFRA / "container" / "Containerfile").read_text()
    (folder / "Dockerfile").write_text(text.replace("USER 10001:10001", "USER root"))


def test_no_rule_is_broken(failures: dict[str, Failures]) -> None:
    assert failures[SOUND] == []


@pytest.mark.parametrize("rule", ["CKV_K8S_16", "CKV_K8S_20", "CKV_K8S_22"])
def test_privileged_pod_is_caught(failures: dict[str, Failures], rule: str) -> None:
    assert (rule, f"/{BROKEN}/privileged.yaml") in failures[BROKEN]


def test_image_of_root_is_caught(failures: dict[str, Failures]) -> None:
    assert ("CKV_DOCKER_8", f"/{BROKEN}/Dockerfile") in failures[BROKEN]


def test_every_skipped_rule_has_its_reason() -> None:
    lines = (INFRA / "checkov.yaml").read_text().splitlines()
    skipped = [line for line in lines if line.strip().startswith("- CKV")]
    assert skipped
    assert all(len(line.partition("#")[2].split()) > 3 for line in skipped)
