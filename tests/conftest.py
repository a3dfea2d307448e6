"""What all tests share: the data beside the repository, and the rule that CI skips nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay import home

# Before torch is imported: two processes of two threads each, on two cores, wait for one another
# and burn three times the processor time. A test of a number of threads sets its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from assay.release import Release

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real, labelled images beside the repository; only for tests marked `shared`."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window.

    No longer than a module: while Playwright runs, this thread can run no other event loop.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def tracked_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with an MLflow store, for a module: its tables take seconds to create."""
    from tests import pipeline_runs

    folder = tmp_path_factory.mktemp("state")
    with pipeline_runs.environment(folder):
        home.prepare_environment()
        yield folder


@pytest.fixture(scope="session")
def trained_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which a small training has run; whoever writes to it adds, never takes."""
    from tests import pipeline_runs

    folder = tmp_path_factory.mktemp("state")
    with pipeline_runs.environment(folder):
        pipeline_runs.train(folder)
    return folder


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that was really trained, in seconds; whoever changes it takes a copy."""
    from tests import training_runs

    return training_runs.model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def served_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and calibrated model folder, for services."""
    from tests.bento import services

    return services.trained_model(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def built_release(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A really built bento of it, which nobody changes; whoever has to takes a copy."""
    from tests import pipeline_runs, releases

    with pipeline_runs.environment(tmp_path_factory.mktemp("state")):
        return releases.built(small_model)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fail a skip in continuous integration, where nothing that a test needs may be absent."""
    report = yield
    if item.get_closest_marker("shared") is None and not hasattr(report, "wasxfail"):
        _fail_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """The same rule for modules that skip themselves."""
    report = yield
    _fail_skip(report)
    return report


def _fail_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI=true allows no skip; {reason}"
