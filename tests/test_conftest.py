"""The rule for skips, tried on small suites in a temporary folder."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SKIPPED = """
import pytest

@pytest.mark.skip(reason="no browser")
def test_page():
    pass
"""
SKIPPED_MODULE = "import pytest\npytest.importorskip('no_such_module_at_all')\n"
SKIPPED_FOR_DATA = """
import pytest

@pytest.mark.shared
def test_images():
    pytest.skip("../shared/data is not here")
"""
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(reason="known limit")
def test_limit():
    assert False
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nmarkers = shared: needs data")
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    return pytester


@pytest.mark.parametrize("source", [SKIPPED, SKIPPED_MODULE])
def test_skip_fails_under_ci(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(source)
    result = suite.runpytest()
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines("*CI=true allows no skip*")


@pytest.mark.parametrize("source", [SKIPPED_FOR_DATA, EXPECTED_FAILURE])
def test_absent_data_and_expected_failures_pass_under_ci(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(source)
    assert suite.runpytest().ret == pytest.ExitCode.OK


@pytest.mark.parametrize("source", [SKIPPED, SKIPPED_FOR_DATA])
def test_skip_passes_on_a_developers_machine(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.delenv("CI", raising=False)
    suite.makepyfile(source)
    suite.runpytest().assert_outcomes(skipped=1)
