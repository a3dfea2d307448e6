"""The module for OpenStack: it parses, its references resolve, and its inventory is Ansible's."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.infra import terraform
from tests.infra.terraform import Block, Validator

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "infra" / "terraform" / "modules" / "openstack"
EXAMPLE = ROOT / "infra" / "terraform" / "examples" / "chameleon"


@pytest.fixture(scope="module")
def module(validator: Validator) -> Block:
    return terraform.parse(MODULE, validator)


@pytest.fixture(scope="module")
def example(validator: Validator) -> Block:
    return terraform.parse(EXAMPLE, validator)


def test_references_resolve_and_nothing_is_unused(module: Block, example: Block) -> None:
    assert terraform.faults(module) == []
    assert terraform.faults(example) == []


def test_everything_is_described_and_limits_are_checked(module: Block) -> None:
    declared = module["variable"] | module["output"]
    assert [name for name, body in declared.items() if not body.get("description")] == []
    validated = {name for name, body in module["variable"].items() if "validation" in body}
    assert {"name", "public_key", "admin_cidr", "agents", "volume_size"} <= validated


def test_example_gives_the_module_what_it_asks_for(module: Block, example: Block) -> None:
    given = {*example["module"]["assay"]} - {"source", "__is_block__"}
    needed = {name for name, body in module["variable"].items() if "default" not in body}
    assert needed <= given <= {*module["variable"]}
    taken = {*re.findall(r"module\.assay\.(\w+)", str(example["output"]))}
    assert taken <= {*module["output"]}
    assert (EXAMPLE / example["module"]["assay"]["source"]).resolve() == MODULE


def test_provider_is_pinned_alike_and_holds_no_credentials(module: Block, example: Block) -> None:
    pins = [str(blocks["terraform"]["required_providers"]) for blocks in (module, example)]
    assert pins[0] == pins[1]
    assert "~> 3.0" in pins[0]
    assert {*example["provider"]["openstack"]} <= {"__is_block__"}


def test_the_issues_resources_are_all_made(module: Block) -> None:
    types = " ".join(module["resource"])
    for part in ("instance", "floatingip", "volume_v3", "container", "secgroup", "keypair"):
        assert part in types


def test_administration_is_open_to_nobody_but_the_administrator(module: Block) -> None:
    ports = module["locals"]["public_ports"]
    assert {name for name, rule in ports.items() if "admin_cidr" in rule["from"]} == {
        "ssh",
        "kubernetes",
    }


def test_inventory_gets_what_its_template_asks_for() -> None:
    template = (MODULE / "templates" / "inventory.yaml.tftpl").read_text()
    asked = {*re.findall(r"\$\{(\w+)", template)} | {
        *re.findall(r"(?:\bin |length\()(\w+)", template)
    }
    call = (MODULE / "hosts.tf").read_text().split("templatefile(")[1].split("\n  })")[0]
    given = {*re.findall(r"^    (\w+) +=", call, re.MULTILINE)}
    assert asked - {"agent"} == given


def test_inventory_sets_variables_that_the_roles_take() -> None:
    template = (MODULE / "templates" / "inventory.yaml.tftpl").read_text()
    roles = ROOT / "infra" / "ansible" / "roles"
    specs = "".join(f.read_text() for f in roles.glob("*/meta/argument_specs.yaml"))
    for name in {*re.findall(r"\b((?:k3s|host)_\w+):", template)} - {"k3s_server", "k3s_agent"}:
        assert f"      {name}:" in specs


PLANTED = [
    ("hosts.tf", "range(1, var.agents", "range(1, var.agent", "var.agent is not declared"),
    ("hosts.tf", "config_drive", "configdrive", "no argument configdrive"),
    ("hosts.tf", "  size        = var.volume_size\n", "", "data: needs size"),
    ("network.tf", "[local.server]", "[local.sever]", "local.sever is not declared"),
    ("network.tf", "secgroup_v2.public.id", "secgroup_v2.world.id", "v2.world is not declared"),
    ("network.tf", "network_v2.external.id", "network_v2.outer.id", "v2.outer is not declared"),
    ("network.tf", "var.subnet_cidr", '"10.0.0.0/8"', "var.subnet_cidr is used nowhere"),
]


def test_planted_mistakes_are_found(validator: Validator, tmp_path: Path) -> None:
    folder = shutil.copytree(MODULE, tmp_path / "module")
    for file, old, new, _ in PLANTED:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))
    found = "; ".join(terraform.faults(terraform.parse(folder, validator)))
    assert [fault for *_, fault in PLANTED if fault not in found] == []


def test_planted_syntax_error_is_refused(validator: Validator, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "a" "b" {\n  name = \n}\n')
    with pytest.raises(ValueError, match=r"main\.tf"):
        terraform.parse(tmp_path, validator)
