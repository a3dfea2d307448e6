"""What takes turns of the loop by itself: cron, systemd, a CronJob; each runs what there is."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from assay import __main__ as assay
from assay.loop.listening import LABEL, TOKEN_VARIABLE
from scripts.set_up import ROOT
from tests.infra import commands
from tests.infra.commands import Command
from tests.infra.kustomize import render

Validator = Callable[..., CompletedProcess[str]]

SCHEDULES = ROOT / "infra" / "schedules"
UNITS = sorted(SCHEDULES.glob("*.service")) + sorted(SCHEDULES.glob("*.timer"))
LOOP = ROOT / "infra" / "kubernetes" / "loop"
FIELD = r"(\*|\d+(-\d+)?)(/\d+)?(,\d+)*"


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read(unit)
    return parser


def started(line: str) -> str:
    """What is wrong with the command of a schedule, empty if nothing is."""
    words = shlex.split(line.partition(" >> ")[0])
    if "run.py" in words:
        given = tuple(words[words.index("run.py") + 1 :])
        return commands.fault(Command("schedule", "run.py", given)) or ""
    given = words[words.index("assay") + 1 :]
    return "" if assay.parser().parse_args(given).answer else f"no verb: {line}"


def test_cron_line_has_five_fields_a_user_and_a_command_that_exists() -> None:
    lines = (SCHEDULES / "assay-loop.cron").read_text().splitlines()
    (line,) = (one for one in lines if re.match(r"[\d*]", one))
    *fields, user, command = line.split(maxsplit=6)
    assert all(re.fullmatch(FIELD, field) for field in fields)
    assert (user, started(command)) == ("assay", "")
    assert "%" not in line  # cron's sign for a new line


@pytest.mark.parametrize("unit", sorted(SCHEDULES.glob("*.service")), ids=lambda unit: unit.stem)
def test_unit_starts_a_command_that_exists(unit: Path) -> None:
    service = read(unit)["Service"]
    assert started(service["ExecStart"]) == ""
    assert service["WorkingDirectory"] == "/opt/assay"
    assert service["ReadWritePaths"] == service["Environment"].removeprefix("ASSAY_HOME=")


def test_timer_belongs_to_its_service_and_makes_up_for_what_it_missed() -> None:
    timer = SCHEDULES / "assay-loop.timer"
    assert timer.with_suffix(".service").is_file()
    assert read(timer)["Timer"]["Persistent"] == "true"


def test_listener_leaves_the_turns_that_it_started_running() -> None:
    listener = read(SCHEDULES / "assay-loop-listen.service")["Service"]
    assert listener["KillMode"] == "process"
    text = (SCHEDULES / "assay-loop-listen.service").read_text()
    assert TOKEN_VARIABLE in text
    assert f'{LABEL[0]}="{LABEL[1]}"' in text


if shutil.which("systemd-analyze"):  # minimal images lack it; the tests above hold everywhere

    def verified(folder: Path, change: tuple[str, str] = ("", "")) -> str:
        """What systemd says of the units, with a Python that there is; empty for nothing."""
        for unit in UNITS:
            text = unit.read_text().replace("/opt/assay/.venv/bin/python", sys.executable)
            (folder / unit.name).write_text(text.replace(*change) if change[0] else text)
        files = [folder / unit.name for unit in UNITS]
        command = ["systemd-analyze", "verify", "--man=no", *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def test_units_are_what_systemd_reads(tmp_path: Path) -> None:
        assert verified(tmp_path) == ""

    @pytest.mark.parametrize(
        "change",
        [("ProtectSystem", "ProtectSystm"), ("00/6:17", "00/6:77"), ("oneshot", "onesht")],
        ids=["misspelled", "no-such-minute", "no-such-type"],
    )
    def test_broken_unit_is_caught(tmp_path: Path, change: tuple[str, str]) -> None:
        assert verified(tmp_path, change)


def cron_job() -> dict[str, object]:
    (found,) = (one for one in render(LOOP) if one["kind"] == "CronJob")
    return found


def test_cron_job_is_valid_and_lets_no_two_turns_overlap(
    validator: Validator, tmp_path: Path
) -> None:
    file = tmp_path / "loop.yaml"
    file.write_text(yaml.safe_dump_all(render(LOOP)))
    result = validator("kubernetes-validate", "--strict", "--quiet", file)
    assert result.returncode == 0, result.stdout + result.stderr
    broken = yaml.safe_dump(cron_job()).replace("concurrencyPolicy", "concurencyPolicy")
    file.write_text(broken)
    assert validator("kubernetes-validate", "--strict", "--quiet", file).returncode != 0
    assert cron_job()["spec"]["concurrencyPolicy"] == "Forbid"


def test_cron_job_mounts_what_there_is() -> None:
    spec = cron_job()["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in spec["volumes"]}
    objects = {(one["kind"], one["metadata"]["name"]) for one in render(LOOP)}
    assert ("ServiceAccount", spec["serviceAccountName"]) in objects
    claims = [
        v["persistentVolumeClaim"]["claimName"] for v in spec["volumes"] if "persistent" in str(v)
    ]
    assert {("PersistentVolumeClaim", claim) for claim in claims} <= objects


def test_state_of_both_kinds_of_cluster_is_one() -> None:
    (argo,) = yaml.safe_load_all((ROOT / "infra" / "argo" / "workflows" / "state.yaml").read_text())
    (plain,) = (one for one in render(LOOP) if one["kind"] == "PersistentVolumeClaim")
    assert plain["metadata"] == argo["metadata"]
    assert plain["spec"] == argo["spec"]


def test_alertmanager_sends_what_starts_the_loop_to_its_receiver() -> None:
    config = yaml.safe_load((ROOT / "infra" / "monitoring" / "alertmanager.yml").read_text())
    receivers = {one["name"]: one for one in config["receivers"]}
    routes = config["route"]["routes"]
    assert {config["route"]["receiver"], *(one["receiver"] for one in routes)} <= {*receivers}
    name, value = LABEL
    (loop,) = (one for one in routes if one["receiver"] == "loop")
    assert loop["matchers"] == [f'{name}="{value}"']
    (webhook,) = receivers["loop"]["webhook_configs"]
    unit = read(SCHEDULES / "assay-loop-listen.service")["Service"]["ExecStart"]
    assert webhook["url"] == f"http://127.0.0.1:{unit.split()[-1]}/alerts"
    assert webhook["http_config"]["authorization"]["type"] == "Bearer"
