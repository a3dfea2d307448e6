"""The playbook: ansible-lint's strictest profile, what it refers to, what its templates write."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / "infra" / "ansible"
TEMPLATES = sorted(PLAYBOOK.glob("roles/*/templates/*.j2"))
LINT = "--offline", "--profile", "production", "--strict", "--nocolor", "-q", "--parseable"
TOKEN = "SzNzIHRva2VuCg=="  # pragma: allowlist secret (the words "K3s token", as slurp gives them)
VARIABLES: dict[str, Any] = {
    "ansible_managed": "Ansible",
    "ansible_host": "192.0.2.10",
    "k3s_node_ip": "192.168.40.11",
    "k3s_server": "assay-server",
    "k3s_token": {"content": TOKEN},
    "hostvars": {"assay-server": {"k3s_node_ip": "192.168.40.10"}},
    "host_disk": "/dev/disk/by-id/virtio-1",
    "assay_traefik_chart": "34.4.1",
    "assay_certificate": "assay-tls",
}

Validator = Callable[..., "subprocess.CompletedProcess[str]"]


BROKEN = """\
---
- name: Make mistakes
  hosts: all
  tasks:
    - name: Copy a file that anybody may change
      copy:
        content: "text"
        dest: /etc/text
    - name: Run what may be there already
      ansible.builtin.command: mkdir /etc/folder
"""


@pytest.fixture(scope="module")
def complaints(validator: Validator, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What ansible-lint says of the playbook and of one with mistakes, in one run: it is slow."""
    folder = tmp_path_factory.mktemp("ansible")
    shutil.copytree(PLAYBOOK, folder / "ours")
    (folder / "broken.yaml").write_text(BROKEN)
    judged = validator("ansible-lint", *LINT, "ours/site.yaml", "broken.yaml", cwd=folder)
    assert judged.returncode == 2, judged.stderr
    return judged.stdout.splitlines()


def test_playbook_meets_the_production_profile(complaints: list[str]) -> None:
    assert complaints
    assert [line for line in complaints if not line.startswith("broken.yaml")] == []


@pytest.mark.parametrize("rule", ["risky-file-permissions", "fqcn", "no-changed-when"])
def test_planted_mistake_is_caught(rule: str, complaints: list[str]) -> None:
    assert any(rule in line for line in complaints)


def tasks() -> list[dict[str, Any]]:
    files = sorted(PLAYBOOK.glob("roles/*/[th]a*/*.yaml"))
    return [task for file in files for task in yaml.safe_load(file.read_text())]


def test_only_builtin_modules_are_used() -> None:
    attributes = {"name", "when", "register", "notify", "loop", "loop_control", "until", "retries"}
    attributes |= {"delay", "changed_when", "failed_when", "delegate_to", "no_log"}
    modules = {key for task in tasks() for key in task} - attributes
    assert modules
    assert all(module.startswith("ansible.builtin.") for module in modules), modules


def test_every_command_says_when_it_changes_something() -> None:
    for task in tasks():
        assert "ansible.builtin.command" not in task or "changed_when" in task, task["name"]


def test_downloads_are_held_against_a_checksum() -> None:
    fetched = [t["ansible.builtin.get_url"] for t in tasks() if "ansible.builtin.get_url" in t]
    assert len(fetched) == 3
    assert all(re.fullmatch(r"\{\{ \w+_checksum \}\}", fetch["checksum"]) for fetch in fetched)
    given = "".join(f.read_text() for f in PLAYBOOK.glob("roles/*/defaults/main.yaml"))
    assert not re.search(r"^\w+_checksum:", given, re.MULTILINE)


def test_overlays_that_can_be_asked_for_are_those_there_are() -> None:
    specs = yaml.safe_load((PLAYBOOK / "roles/assay/meta/argument_specs.yaml").read_text())
    overlays = specs["argument_specs"]["main"]["options"]["assay_overlay"]["choices"]
    there = {
        f.parent.name for f in (ROOT / "infra/kubernetes/overlays").glob("*/kustomization.yaml")
    }
    assert {*overlays} == there


def test_every_template_has_its_task() -> None:
    used = {
        t["ansible.builtin.template"]["src"] for t in tasks() if "ansible.builtin.template" in t
    }
    assert used == {template.name for template in TEMPLATES}


def render(name: str, **variables: Any) -> str:
    """A template as Ansible renders it (it trims blocks), with the one filter of Ansible's own."""
    from base64 import b64decode

    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    (template,) = [path for path in TEMPLATES if path.name == name]
    jinja = Environment(
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,
    )
    jinja.filters["b64decode"] = lambda text: b64decode(text).decode()
    return jinja.get_template(name).render(VARIABLES | variables)


def test_settings_of_server_and_agent_differ_where_they_must() -> None:
    server, agent = (
        yaml.safe_load(render("config.yaml.j2", inventory_hostname=name, k3s_is_server=is_server))
        for name, is_server in (("assay-server", True), ("assay-agent-1", False))
    )
    assert server["tls-san"] == ["192.0.2.10"]
    assert server["secrets-encryption"] is True
    assert "token" not in server
    assert agent["server"] == "https://192.168.40.10:6443"
    assert agent["token"] == "K3s token"
    assert agent["node-name"] == "assay-agent-1"


@pytest.mark.parametrize(("is_server", "word"), [(True, "server"), (False, "agent")])
def test_service_runs_as_what_the_host_is(is_server: bool, word: str) -> None:
    unit = render("k3s.service.j2", k3s_is_server=is_server)
    assert f"ExecStart=/usr/local/bin/k3s {word}\n" in unit


def test_gateway_is_the_one_that_routes_and_network_policies_name() -> None:
    documents = list(yaml.safe_load_all(render("gateway.yaml.j2")))
    (gateway,) = [document for document in documents if document["kind"] == "Gateway"]
    (chart,) = [document for document in documents if document["kind"] == "HelmChart"]
    base = ROOT / "infra" / "kubernetes" / "base" / "shared"
    route = yaml.safe_load((base / "route.yaml").read_text())
    metadata = gateway["metadata"]
    assert route["spec"]["parentRefs"] == [{k: metadata[k] for k in ("name", "namespace")}]
    assert chart["spec"]["targetNamespace"] == metadata["namespace"]
    assert f"metadata.name: {metadata['namespace']}" in (base / "network-policies.yaml").read_text()
    assert [one["name"] for one in gateway["spec"]["listeners"]] == ["web", "websecure"]
    plain = list(yaml.safe_load_all(render("gateway.yaml.j2", assay_certificate="")))[-1]
    assert [one["name"] for one in plain["spec"]["listeners"]] == ["web"]


def test_inventory_of_the_example_fits_the_playbook(validator: Validator) -> None:
    arguments = ("--inventory", "inventory.example.yaml", "--list-hosts", "site.yaml")
    listed = validator("ansible-playbook", *arguments, cwd=PLAYBOOK)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("assay-server") == 3
    assert listed.stdout.count("assay-agent-1") == 2
