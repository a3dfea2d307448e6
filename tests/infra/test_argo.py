"""Argo's manifests: their fields, their pods, and what they refer to.

kubernetes-validate knows no custom kinds and only warns of them, so the fields are held against
schemas of our own (tests/infra/schemas); what is a pod in them is judged as one.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ARGO = ROOT / "infra" / "argo"
SCHEMAS = Path(__file__).parent / "schemas"
CUSTOM = ("AppProject", "Application", "CronWorkflow", "WorkflowTemplate")
MISSPELLED = [
    ("Application", "targetRevision", "targetRevison"),
    ("Application", '"argocd"', '"default"'),
    ("WorkflowTemplate", '"entrypoint"', '"entryPoint"'),
    ("WorkflowTemplate", '"depends"', '"dependson"'),
    ("CronWorkflow", "Forbid", "Never"),
    ("CronWorkflow", "17 2 * * *", "at two"),
    ("AppProject", "sourceRepos", "sourceRepo"),
    ("AppProject", "AppProject", "AppProjekt"),
]

Validator = Callable[..., "subprocess.CompletedProcess[str]"]


def documents() -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted(ARGO.rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            yield file, document


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [document for _, document in documents() if document["kind"] == kind]


TEMPLATES = of_kind("WorkflowTemplate")
APPLICATIONS = of_kind("Application")


def faults(template: dict[str, Any]) -> list[str]:
    """References within a WorkflowTemplate that lead nowhere."""
    spec = template["spec"]
    names = {item["name"] for item in spec["templates"]}
    found = [] if spec["entrypoint"] in names else [f"no template {spec['entrypoint']}"]
    for item in spec["templates"]:
        tasks = item.get("dag", {}).get("tasks", [])
        known = {task["name"] for task in tasks}
        for task in tasks:
            found += [] if task["template"] in names else [f"no template {task['template']}"]
            needed = {*re.findall(r"[\w-]+", task.get("depends", ""))}
            found += [f"{task['name']} depends on {name}" for name in needed - known]
    parameters = {p["name"] for p in spec.get("arguments", {}).get("parameters", [])}
    used = {*re.findall(r"\{\{workflow\.parameters\.([\w-]+)\}\}", json.dumps(spec))}
    return found + [f"no parameter {name}" for name in sorted(used - parameters)]


def pods(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The pod of each template with a container, as the controller puts it together."""
    spec = template["spec"]
    for item in spec["templates"]:
        if "container" not in item:
            continue
        default = spec.get("templateDefaults", {}).get("container", {})
        container = {"name": "main"} | default | item["container"]
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": item["name"], "namespace": template["metadata"]["namespace"]},
            "spec": {
                "serviceAccountName": spec["serviceAccountName"],
                "securityContext": spec["securityContext"],
                "volumes": spec["volumes"],
                "containers": [container],
            },
        }


PODS = [pod for template in TEMPLATES for pod in pods(template)]


@pytest.fixture(scope="module")
def refused(validator: Validator, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files that the schemas refuse, of ours and of those with a planted mistake."""
    folder = tmp_path_factory.mktemp("argo")
    for kind in CUSTOM:
        for number, document in enumerate(of_kind(kind)):
            (folder / f"ours-{kind}-{number}.json").write_text(json.dumps(document))
    for number, (kind, old, new) in enumerate(MISSPELLED):
        text = json.dumps(of_kind(kind)[-1])
        assert old in text
        (folder / f"planted-{number}.json").write_text(text.replace(old, new))
    files = sorted(folder.iterdir())
    schema = SCHEMAS / "argo.yaml"
    judged = validator(
        "check-jsonschema", "--output-format", "json", "--schemafile", schema, *files
    )
    return {Path(error["filename"]).name for error in json.loads(judged.stdout)["errors"]}


def test_every_custom_kind_keeps_to_its_schema(refused: set[str]) -> None:
    assert all(of_kind(kind) for kind in CUSTOM)
    assert [name for name in refused if name.startswith("ours")] == []


@pytest.mark.parametrize("number", range(len(MISSPELLED)), ids=lambda n: MISSPELLED[n][2])
def test_planted_misspelling_is_caught(number: int, refused: set[str]) -> None:
    assert f"planted-{number}.json" in refused


def test_every_other_object_and_every_pod_is_one_of_kubernetes(
    validator: Validator, tmp_path: Path
) -> None:
    plain = [document for _, document in documents() if document["kind"] not in CUSTOM]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([*plain, *PODS]))
    judged = validator("kubernetes-validate", "--strict", tmp_path / "all.yaml")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert {"ServiceAccount", "Role", "RoleBinding"} <= {document["kind"] for document in plain}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t["metadata"]["name"])
def test_references_within_a_template_resolve(template: dict[str, Any]) -> None:
    assert faults(template) == []


@pytest.mark.parametrize("pod", PODS, ids=lambda p: p["metadata"]["name"])
def test_pod_mounts_what_there_is_and_runs_without_root(pod: dict[str, Any]) -> None:
    (container,) = pod["spec"]["containers"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    assert not container["image"].endswith(":latest")


def test_names_of_other_objects_exist() -> None:
    accounts = {account["metadata"]["name"] for account in of_kind("ServiceAccount")}
    claims = {claim["metadata"]["name"] for claim in of_kind("PersistentVolumeClaim")}
    for template in TEMPLATES:
        assert template["spec"]["serviceAccountName"] in accounts
        used = {
            v.get("persistentVolumeClaim", {}).get("claimName") for v in template["spec"]["volumes"]
        }
        assert used - {None} <= claims
    templates = {template["metadata"]["name"]: template for template in TEMPLATES}
    for cron in of_kind("CronWorkflow"):
        spec = cron["spec"]["workflowSpec"]
        begun = templates[spec["workflowTemplateRef"]["name"]]
        assert spec["entrypoint"] in {item["name"] for item in begun["spec"]["templates"]}


def test_build_makes_targets_of_the_containerfile() -> None:
    containerfile = (ROOT / "infra" / "container" / "Containerfile").read_text()
    text = (ARGO / "workflows" / "build.yaml").read_text()
    targets = re.findall(r"--opt=target=(\w+)", text)
    assert targets
    assert {*targets} <= {*re.findall(r"^FROM \S+ AS (\S+)", containerfile, re.MULTILINE)}


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda a: a["metadata"]["name"])
def test_application_stays_within_its_project(application: dict[str, Any]) -> None:
    (project,) = of_kind("AppProject")
    spec = application["spec"]
    assert spec["project"] == project["metadata"]["name"]
    assert spec["source"]["repoURL"] in project["spec"]["sourceRepos"]
    assert spec["destination"] in project["spec"]["destinations"]
    assert (ROOT / spec["source"]["path"]).is_dir()


def test_every_environment_is_an_application_with_its_namespace() -> None:
    overlays = ROOT / "infra" / "kubernetes" / "overlays"
    paths = {a["spec"]["source"]["path"]: a["spec"] for a in APPLICATIONS}
    for overlay in ("dev", "staging", "production", "canary/challenger"):
        spec = paths.pop(f"infra/kubernetes/overlays/{overlay}")
        kustomization = yaml.safe_load((overlays / overlay / "kustomization.yaml").read_text())
        assert spec["destination"]["namespace"] == kustomization["namespace"]
    assert {*paths} == {"infra/argo/applications", "infra/argo/workflows"}


@pytest.mark.parametrize("name", ["assay-staging", "assay-production", "assay-canary"])
def test_what_a_rollout_moves_is_not_moved_back(name: str) -> None:
    (spec,) = [a["spec"] for a in APPLICATIONS if a["metadata"]["name"] == name]
    kinds = {ignored["kind"] for ignored in spec["ignoreDifferences"]}
    assert {"StatefulSet"} <= kinds
    assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]
    assert ("automated" in spec["syncPolicy"]) == (name == "assay-staging")


def test_planted_pod_is_caught(validator: Validator, tmp_path: Path) -> None:
    text = json.dumps(PODS[-1])
    assert "readOnlyRootFilesystem" in text
    broken = text.replace("readOnlyRootFilesystem", "readOnlyRootFileSystem")
    (tmp_path / "broken.json").write_text(broken)
    judged = validator("kubernetes-validate", "--strict", tmp_path / "broken.json")
    assert judged.returncode != 0


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"depends": "data"', '"depends": "dta"', "train depends on dta"),
        ('"template": "train-and-promote"', '"template": "tarin"', "no template tarin"),
        ("parameters.image", "parameters.imgae", "no parameter imgae"),
    ],
)
def test_planted_reference_is_found(old: str, new: str, fault: str) -> None:
    (template,) = [t for t in TEMPLATES if t["metadata"]["name"] == "assay-pipelines"]
    assert fault in faults(json.loads(json.dumps(template).replace(old, new)))
