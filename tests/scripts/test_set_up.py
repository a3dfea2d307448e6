"""Set-up: what it asks of uv, and that an interrupted set-up is not mistaken for a finished one."""

from pathlib import Path

import pytest

from scripts import set_up


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary checkout, in which every command is recorded and creates what it would."""
    lock, venv = tmp_path / "requirements.lock", tmp_path / ".venv"
    lock.write_text("rich==15.0.0\nuv==0.13.9 \\\n    --hash=sha256:aa\n")
    python = venv / "bin" / "python"
    for name, path in {
        "ROOT": tmp_path,
        "LOCK": lock,
        "VENV": venv,
        "PYTHON": python,
        "STAMP": venv / "stamp",
        "CACHE": tmp_path / ".assay" / "cache" / "uv",
    }.items():
        monkeypatch.setattr(set_up, name, path)

    def record(command: list[object], **_: object) -> None:
        with (tmp_path / "commands").open("a") as log:
            log.write(" ".join(map(str, command)) + "\n")
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(set_up.subprocess, "run", record)
    return tmp_path


def commands(checkout: Path) -> list[str]:
    return (checkout / "commands").read_text().splitlines()


def test_second_call_runs_nothing(checkout: Path) -> None:
    assert set_up.main() == 0
    first = commands(checkout)
    assert set_up.main() == 0
    assert len(first) == 3
    assert commands(checkout) == first


def test_changed_lock_updates_in_place(checkout: Path) -> None:
    set_up.main()
    set_up.LOCK.write_text("uv==0.13.9\n")
    set_up.main()
    assert len(commands(checkout)) == 4
    assert "pip install" in commands(checkout)[-1]


def test_interrupted_set_up_starts_anew(checkout: Path) -> None:
    set_up.main()
    set_up.STAMP.unlink()
    half_installed = set_up.VENV / "half"
    half_installed.touch()
    set_up.main()
    assert not half_installed.exists()
    assert "-m venv" in commands(checkout)[3]


def test_failed_tool_leaves_no_stamp(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(command: list[object], **_: object) -> None:
        raise set_up.subprocess.CalledProcessError(2, command)

    monkeypatch.setattr(set_up.subprocess, "run", refuse)
    assert set_up.main() == 1
    assert set_up.installed() is None
    assert "failed" in capsys.readouterr().err


def test_bootstrap_takes_uv_from_the_lock(checkout: Path) -> None:
    assert set_up.uv_requirement() == "uv==0.13.9"


def test_wheel_folders_are_handed_to_uv() -> None:
    command = set_up.install_command({"PIP_FIND_LINKS": "/wheels /more"})
    assert command[command.index("--find-links") :][:4] == [
        "--find-links",
        "/wheels",
        "--find-links",
        "/more",
    ]
    assert "--find-links" not in set_up.install_command({})


def test_bytecode_is_compiled_where_python_may_not_write_it() -> None:
    assert "--compile-bytecode" in set_up.install_command({"PYTHONDONTWRITEBYTECODE": "1"})
    assert "--compile-bytecode" not in set_up.install_command({})


def test_uv_keeps_its_cache_in_the_repository_unless_told_otherwise() -> None:
    assert Path(set_up.environment_for_uv({})["UV_CACHE_DIR"]).is_relative_to(set_up.ROOT)
    assert set_up.environment_for_uv({"UV_CACHE_DIR": "/mine"})["UV_CACHE_DIR"] == "/mine"


def test_uv_trusts_the_certificates_that_pip_trusts() -> None:
    assert set_up.environment_for_uv({"PIP_CERT": "/ca.pem"})["SSL_CERT_FILE"] == "/ca.pem"
    both = {"PIP_CERT": "/ca.pem", "SSL_CERT_FILE": "/own.pem"}
    assert set_up.environment_for_uv(both)["SSL_CERT_FILE"] == "/own.pem"


def test_torch_advice_is_given_only_where_no_build_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(set_up.sys, "platform", "linux")
    assert "UV_TORCH_BACKEND=cpu" in (set_up.torch_advice({}) or "")
    assert set_up.torch_advice({"PIP_FIND_LINKS": "/wheels"}) is None
    assert set_up.torch_advice({"UV_TORCH_BACKEND": "cpu"}) is None
