"""`python -m assay`: quick answers, tables or JSON, and one line for whatever is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay import __main__ as command
from assay import home
from tests.test_catalogue import build
from tests.test_dataset_diff import ROWS, built


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the datasets of a state that does not exist yet."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    uri = f"sqlite:///{tmp_path / 'state' / 'mlflow' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return tmp_path / "state" / "datasets"


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert command.main(words) == 0
    return capsys.readouterr().out


def test_list_shows_every_build_and_makes_no_registry(
    datasets: Path, capsys: pytest.CaptureFixture[str]
):
    build(datasets, "one", "aaaa", "2026-01-01T10:30:00+00:00")
    (datasets / "stopped").mkdir()
    text = printed(capsys, "datasets", "list")
    assert "aaaa" in text
    assert "2026-01-01 10:30" in text
    assert "unfinished: stopped" in text
    assert [path.name for path in datasets.parent.iterdir()] == ["datasets"]


def test_list_is_shown_where_the_registry_does_not_answer(
    datasets: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    build(datasets, "one", "aaaa")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert "aaaa" in printed(capsys, "datasets", "list")
    assert "the model registry does not answer" in caplog.text


def test_list_of_nothing_says_how_to_build(datasets: Path, capsys: pytest.CaptureFixture[str]):
    assert "python run.py --pipeline data_validation" in printed(capsys, "datasets", "list")
    assert json.loads(printed(capsys, "datasets", "list", "--json")) == []
    assert not datasets.exists()


def test_show_prints_counts_settings_and_rejected_rows(
    datasets: Path, capsys: pytest.CaptureFixture[str]
):
    rejected = [{"image_id": "bad.png", "reason": "no [image]"}]
    build(datasets, "one", "aaaa", rejected=rejected)
    lines = [
        " ".join(line.split()) for line in printed(capsys, "datasets", "show", "aa").split("\n")
    ]
    assert "train 1 1 1 2" in lines
    assert "manipulation splice 1" in lines
    assert "licence CC0 2" in lines
    assert "source scenes" in lines
    assert "no [image] 1 bad.png: no [image]" in lines


def test_diff_prints_what_came_and_settings_that_differ(
    datasets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "state").mkdir()
    before = built(tmp_path / "state" / "before", ROWS)
    more = {**ROWS, "d": ("synthesized", "", "test", 7)}
    after = built(tmp_path / "state" / "after", more, seed=2)
    text = printed(capsys, "datasets", "diff", before.version, after.version)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    assert "added 1 synthesized 1 set 1 folder 1 d.png" in lines
    assert "label synthesized 0 1 +1" in lines
    assert "seed 0 2" in lines


@pytest.mark.parametrize("verb", [["list"], ["show", "latest"], ["diff", "latest", "latest"]])
def test_json_is_the_same_facts(
    verb: list[str], datasets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "state").mkdir()
    dataset = built(tmp_path / "state" / "images", ROWS)
    assert dataset.version in json.dumps(json.loads(printed(capsys, "datasets", *verb, "--json")))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dataset"], "python -m assay: unknown 'dataset', did you mean 'datasets'?"),
        (["datasets", "lst"], "unknown 'lst', did you mean 'list'?; known: list, show, diff"),
        (["datasets", "show"], "the following arguments are required: version"),
        (["datasets", "list", "--jsno"], "unrecognized arguments: --jsno"),
    ],
)
def test_misspelled_word_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as left:
        command.main(words)
    text = capsys.readouterr().err
    assert left.value.code == command.WRONG_NAME
    assert message in text
    assert text.count("\n") == 1


def test_unknown_dataset_and_unreadable_one_have_their_own_status(
    datasets: Path, capsys: pytest.CaptureFixture[str]
):
    path = build(datasets, "one", "aaaa")
    assert command.main(["datasets", "show", "aaab"]) == command.WRONG_NAME
    assert "did you mean 'aaaa'?" in capsys.readouterr().err
    assert command.main(["datasets", "diff", "aaaa", str(path)]) == command.FAILED
    assert "holds no digests" in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_reader_that_has_seen_enough_is_no_error(datasets: Path, form: list[str]):
    for number in range(200):
        build(datasets, f"n{number}", f"{number:04}")
    words = [sys.executable, "-m", "assay", "datasets", "list", *form]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout
        assert listing.stderr
        listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == b""


@pytest.mark.parametrize("words", [[], ["datasets"], ["--help"], ["datasets", "diff", "--help"]])
def test_help_is_printed_without_heavy_imports(words: list[str]):
    script = (
        "import sys, contextlib\nfrom assay import __main__ as command\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    command.main({words!r})\n"
        "heavy = {'zenml', 'mlflow', 'torch', 'pandas', 'numpy', 'pydantic', 'rich', 'yaml'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    run = [sys.executable, "-c", script]
    done = subprocess.run(run, cwd=home.REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python -m assay")
