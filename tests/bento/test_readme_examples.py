"""The README's curl and Python examples, run against the real service."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from assay.home import REPOSITORY
from tests.bento.servers import Server

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:3000"
CURLS = re.findall(r"^\$ (curl .+)$", README, re.MULTILINE)
(PYTHON,) = [
    code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if ADDRESS in code
]


def run(command: list[str]) -> str:
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", CURLS)
def test_curl_gets_an_answer(example: str, open_server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    answer = json.loads(run(shlex.split(example.replace(ADDRESS, open_server.url))))
    assert "code" not in answer, answer
    assert ("score" in answer) == ("/v1/detect" in example)


def test_python_prints_a_verdict(open_server: Server) -> None:
    code = PYTHON.replace(ADDRESS, open_server.url)
    label, score, *_ = run([sys.executable, "-c", code]).split()
    assert label in {"authentic", "manipulated", "synthesized"}
    assert 0 <= float(score) <= 1


def test_there_are_examples() -> None:
    assert len(CURLS) >= 3
