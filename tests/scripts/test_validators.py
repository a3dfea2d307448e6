"""The validators' environments: pinned, installed once, and again when a pin changes."""

import re
from pathlib import Path

import pytest

from scripts import set_up, validators
from scripts.validators import ENVIRONMENTS, Environment


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of installations into a temporary folder, which are recorded, not run."""
    commands: list[list[str]] = []
    environment = Environment(tmp_path / "validators.txt", tmp_path)
    environment.pins.write_text("yamllint==1\n")
    monkeypatch.setattr(validators, "ENVIRONMENTS", (environment,))
    monkeypatch.setattr(set_up.subprocess, "run", lambda command, **_: commands.append(command))
    return commands


def test_second_call_installs_nothing(ran: list[list[str]]) -> None:
    assert validators.main() == validators.main() == 0
    assert len(ran) == 2


def test_changed_pin_installs_again(ran: list[list[str]]) -> None:
    validators.main()
    environment = validators.ENVIRONMENTS[0]
    environment.pins.write_text("yamllint==2\n")
    assert not environment.is_installed()
    validators.main()
    assert len(ran) == 4


@pytest.mark.parametrize("pins", [e.pins for e in ENVIRONMENTS], ids=lambda path: path.stem)
def test_every_validator_is_pinned_with_hashes(pins: Path) -> None:
    wanted = re.findall(r"^[a-z][\w-]*", pins.with_suffix(".in").read_text(), re.MULTILINE)
    entries = dict(
        re.findall(r"^([a-z0-9][\w.-]*)==.*\n((?: .*\n)*)", pins.read_text(), re.MULTILINE)
    )
    assert wanted
    assert set(wanted) <= entries.keys()
    assert all("--hash=sha256:" in entry for entry in entries.values())


@pytest.mark.parametrize("unwanted", ["://", "--find-links", "--index"])
def test_pins_fit_any_machine(unwanted: str) -> None:
    assert not any(unwanted in environment.pins.read_text() for environment in ENVIRONMENTS)
