"""The validators' environment: pinned, installed once, and again when a pin changes."""

import re
from pathlib import Path

import pytest

from scripts import set_up, validators

PINS = validators.PINS.read_text()


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of installations into a temporary folder, which are recorded, not run."""
    commands: list[list[str]] = []
    monkeypatch.setattr(validators, "PINS", tmp_path / "validators.txt")
    monkeypatch.setattr(validators, "VENV", tmp_path)
    monkeypatch.setattr(validators, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(set_up.subprocess, "run", lambda command, **_: commands.append(command))
    validators.PINS.write_text("yamllint==1\n")
    return commands


def test_second_call_installs_nothing(ran: list[list[str]]) -> None:
    assert validators.main() == validators.main() == 0
    assert len(ran) == 2


def test_changed_pin_installs_again(ran: list[list[str]]) -> None:
    validators.main()
    validators.PINS.write_text("yamllint==2\n")
    assert not validators.installed()
    validators.main()
    assert len(ran) == 4


def test_every_validator_is_pinned_with_hashes() -> None:
    wanted = re.findall(
        r"^[a-z][\w-]*", validators.PINS.with_suffix(".in").read_text(), re.MULTILINE
    )
    entries = dict(re.findall(r"^([a-z0-9][\w.-]*)==.*\n((?: .*\n)*)", PINS, re.MULTILINE))
    assert wanted
    assert set(wanted) <= entries.keys()
    assert all("--hash=sha256:" in entry for entry in entries.values())


@pytest.mark.parametrize("unwanted", ["://", "--find-links", "--index"])
def test_pins_fit_any_machine(unwanted: str) -> None:
    assert not re.search(unwanted, PINS)
