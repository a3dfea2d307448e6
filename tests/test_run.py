"""The command line: quick answers, and one line for whatever is wrong with a setting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import run

WRONG = [
    ("trian", [], "unknown pipeline 'trian', did you mean 'train'?"),
    ("train", ["date.limit=3"], "date: unknown setting, did you mean 'data'?"),
    (
        "train",
        ["data.validation_shar=0.1"],
        "data.validation_shar: unknown setting, did you mean 'validation_share'?",
    ),
    ("train", ["data.limit=many"], "data.limit: Input should be a valid integer"),
    ("train", ["data.limit=0"], "data.limit: Input should be greater than or equal to 1, got 0"),
    ("train", ["data=3"], "data: "),
    ("train", ["data.source=photo"], "data.source: unknown source 'photo', did you mean 'photos'?"),
    (
        "train",
        ["data.options.crop_siz=9"],
        "data.options.crop_siz: unknown setting, did you mean 'crop_size'?",
    ),
    ("train", ["data.source=folder"], "data.options.path: required; pass --set data.options.path"),
    ("train", ["base.family=llama"], "base.family"),
    ("train", ["data.limit"], "--set data.limit: expected KEY=VALUE"),
    ("train", ["data.limit=[1"], "data.limit: '[1' is not a YAML value"),
    ("evaluate", ["protocol=loto"], "protocol: Input should be 'split' or 'lodo', got 'loto'"),
    (
        "evaluate",
        ["evaluation.same_dataset=[[a, b], [a]]"],
        "evaluation.same_dataset: a stands in it twice; name each dataset once",
    ),
    ("score", [], "input: required; pass --set input=VALUE"),
    ("score", ["input=/nowhere"], "input: no such file or folder, got '/nowhere'"),
    ("score", ["input=/", "output=a.xls"], "output: expected a name that ends in .csv or .parquet"),
    ("score", ["input="], "input: no such file or folder, got ''"),
    ("score", ["input=/dev/null"], "input: no such file or folder, got '/dev/null'"),
    ("score", ["input=/"], "output: required; pass --set output=FILE.csv"),
    ("train", ["data.manipulations=[splise]"], "data.manipulations: unknown manipulation 'splise'"),
    ("train", ["training.optimisation.learning_rate=.inf"], "Input should be a finite number"),
]


def arguments(pipeline: str, assignments: list[str]) -> list[str]:
    return ["--pipeline", pipeline, *(word for text in assignments for word in ("--set", text))]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder that does not exist yet."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize(("pipeline", "assignments", "message"), WRONG)
def test_wrong_setting_is_one_line_and_starts_nothing(
    pipeline: str,
    assignments: list[str],
    message: str,
    state: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert run.main(arguments(pipeline, assignments)) == run.WRONG_SETTING
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not state.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paramters: {}", "unknown key 'paramters', did you mean 'parameters'?"),
        ("parameters: 3", "parameters: expected a mapping"),
        ("- 1", "expected a mapping"),
        ("a: [", "while parsing"),
        ("\udcff", "can't decode byte 0xff"),
    ],
)
def test_wrong_config_file_is_one_line(
    text: str, message: str, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "wrong.yaml").write_text(text, errors="surrogateescape")
    words = ["--pipeline", "train", "--config", str(tmp_path / "wrong.yaml")]
    assert run.main(words) == run.WRONG_SETTING
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_missing_config_file_is_named(state: Path, capsys: pytest.CaptureFixture[str]):
    assert run.main(["--pipeline", "train", "--config", "no.yaml"]) == run.WRONG_SETTING
    assert "no.yaml: No such file" in capsys.readouterr().err


def test_set_overrides_the_config_file(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("parameters: {data: {limit: 5, seed: 3}}")
    values = run._parameters("train", tmp_path / "a.yaml", ["data.limit=7"])
    assert (values["data"].limit, values["data"].seed) == (7, 3)


def test_interruption_before_the_run_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_parameters", interrupt)
    assert run.main(["--pipeline", "train"]) == run.INTERRUPTED
    assert capsys.readouterr().err == "run.py: interrupted, nothing had begun\n"


def test_list_names_every_pipeline_with_its_purpose(capsys: pytest.CaptureFixture[str]):
    assert run.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(run.pipelines())
    assert all(len(line.split()) > 3 for line in lines)


def test_help_and_list_import_nothing_heavy():
    script = (
        "import sys, contextlib, run\n"
        "for words in (['--list'], ['--help']):\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        run.main(words)\n"
        "heavy = {'zenml', 'mlflow', 'torch', 'pandas', 'numpy', 'pydantic', 'rich', 'yaml'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=run.ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
