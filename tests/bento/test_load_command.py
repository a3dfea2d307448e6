"""`python -m assay load` against the service as it really runs, and against what is none."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from assay import __main__ as command
from assay.load import pacing
from assay.store import Scope
from tests import web
from tests.bento.servers import Server
from tests.bento.services import photo
from tests.load.planted import deploying, json_reply, verdict, when


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key in the environment, and a state folder that nobody has used."""
    monkeypatch.delenv("ASSAY_API_KEY", raising=False)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Six images and a file that is none, whose truth somebody wrote down."""
    folder = tmp_path / "images"
    folder.mkdir()
    lines = ["file,label"]
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(photo(7_000 + number + os.getpid()))
        lines.append(f"{number}.jpg,{'manipulated' if number % 2 else 'authentic'}")
    (folder / "bad.jpg").write_bytes(b"no image")
    (folder / "labels.csv").write_text("\n".join([*lines, "bad.jpg,authentic"]))
    return folder


def test_load_of_a_real_service_is_measured_and_written(
    open_server: Server, labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "report"
    words = [open_server.url, str(labelled), "--rate", "20", "--requests", "14", "--out", str(out)]
    assert command.main(["load", *words]) == 0
    facts = json.loads((out / "summary.json").read_text())
    rows = list(csv.DictReader((out / "requests.csv").read_text().splitlines()))
    version = httpx.get(f"{open_server.url}/v1/model").json()["version"]
    assert facts["statuses"] == {"200": 12, "422": 2}
    assert facts["model_versions"] == {version: 12}
    assert facts["accuracy"]["images"] == 6
    assert (len(rows), facts["repeats"]) == (14, 7)
    assert {row["error"] for row in rows if row["image"] == "bad.jpg"} == {"422 unreadable_image"}
    assert {row["model_version"] for row in rows} == {version, ""}
    text = capsys.readouterr().out
    assert "p95" in text
    assert str(out) in text


def test_crops_of_the_bundled_photographs_are_sent_without_a_folder(
    open_server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["load", open_server.url, "--clients", "2", "--requests", "4", "--json"]
    assert command.main([*words, "--seed", "5"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["verdicts"], facts["accuracy"]["authentic"]) == (4, 2)
    (report,) = (tmp_path / "state" / "load").iterdir()
    assert len(list(report.iterdir())) == 4


def test_key_is_asked_for_and_taken_from_the_environment(
    locked_server: Server,
    labelled: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    words = ["load", locked_server.url, str(labelled), "--requests", "2"]
    assert command.main(words) == command.WRONG_NAME
    assert "refuses the API key; give one in ASSAY_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("ASSAY_API_KEY", locked_server.new_key(Scope.DETECT))
    assert command.main(words) == 0


def test_failed_requests_are_the_exit_status(labelled: Path, capsys: pytest.CaptureFixture[str]):
    erring = web.in_turn(json_reply(verdict()), json_reply(b"", "500 Oops"), json_reply(verdict()))
    with web.site(deploying(erring)) as site:
        url = f"http://{web.HERE}:{site.port}"
        assert command.main(["load", url, str(labelled), "--requests", "5"]) == command.FAILED
    assert "500: 1" in capsys.readouterr().out


def test_ctrl_c_still_writes_the_report(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pacing, "_GRACE", 0.2)
    stopping = when(3, lambda: signal.raise_signal(signal.SIGINT))
    with web.site(deploying(stopping)) as site:
        words = [f"http://{web.HERE}:{site.port}", str(labelled), "--out", str(tmp_path / "out")]
        assert command.main(["load", *words]) == command.INTERRUPTED
    facts = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (facts["verdicts"], facts["is_interrupted"]) == (3, True)


def test_report_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "requests.csv").write_text("of another day")
    words = ["load", "http://127.0.0.1:1", "--out", str(tmp_path)]
    assert command.main(words) == command.WRONG_NAME
    assert "holds a report already" in capsys.readouterr().err
    assert (tmp_path / "requests.csv").read_text() == "of another day"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://nowhere.invalid", "does not answer"),
        ("http://127.0.0.1:9", "does not answer"),
        ("127.0.0.1:3000", "is no address of a deployment"),
    ],
)
def test_address_that_does_not_answer_is_one_line(
    url: str, message: str, capsys: pytest.CaptureFixture[str]
):
    assert command.main(["load", url]) != 0
    text = capsys.readouterr().err
    assert message in text
    assert url in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rate", "0"], "0 is not above 0"),
        (["--rate", "nan"], "nan is not above 0"),
        (["--clients", "1.5"], "invalid whole number value: '1.5'"),
        (["--rate", "1", "--clients", "2"], "not allowed with argument"),
        (["--seed", str(2**31)], "too large"),
    ],
)
def test_pace_that_is_none_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as left:
        command.main(["load", "http://127.0.0.1:1", *words])
    assert left.value.code == command.WRONG_NAME
    assert message in capsys.readouterr().err
