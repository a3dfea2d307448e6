"""Bad data through the pipelines: training never starts, and the report of why is kept."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import run
from assay import home, images
from assay.validation import Validation
from tests.pipeline_runs import environment, latest
from tests.scenes import scene

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


@pytest.fixture(scope="module", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder for the pipelines of this module."""
    folder = tmp_path_factory.mktemp("state")
    with environment(folder):
        yield folder


@pytest.fixture(scope="module")
def conflicting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled images, three of which stand under two labels: more than a tenth."""
    folder = tmp_path_factory.mktemp("images")
    for first, label in enumerate(("authentic", "manipulated"), 1):
        (folder / label).mkdir()
        for seed in range(100 * first, 100 * first + 12):
            data = images.encode_png(scene(seed, 64, 64))
            (folder / label / f"{seed}.png").write_bytes(data)
    for seed in range(100, 103):
        again = images.encode_png(scene(seed, 64, 64))
        (folder / "manipulated" / f"again-{seed}.png").write_bytes(again)
    return folder


def refuse(pipeline: str, folder: Path) -> None:
    """Run ``pipeline`` on the images of ``folder``, which it has to refuse."""
    config = home.REPOSITORY / "configs" / "train_folder.yaml"
    words = ["--config", str(config)] if pipeline == "train" else []
    words += ["--set", "data.source=folder", "--set", f"data.options.path={folder}"]
    words += ["--set", "data.manipulations=null", "--set", "data.workers=1"]
    words += ["--set", "validation.workers=1"]
    assert run.main(["--pipeline", pipeline, *words]) == run.FAILED


@pytest.mark.parametrize("pipeline", ["data_validation", "train"])
def test_many_label_conflicts_stop_before_training(
    pipeline: str, conflicting: Path, capsys: pytest.CaptureFixture[str]
):
    refuse(pipeline, conflicting)
    refused = capsys.readouterr().err
    assert "stage accept_dataset failed" in refused
    assert "'few images are in conflict' fails (22.2%; at most 10.0%" in refused
    assert "manipulated/again-100.png" in refused
    assert set(latest().steps) == {"build_dataset", "validate_dataset", "accept_dataset"}


def test_refused_validation_can_be_read_and_seen(conflicting: Path):
    refuse("data_validation", conflicting)
    stored = latest().steps["validate_dataset"].outputs["validation"][0]
    found = stored.load()
    assert isinstance(found, Validation)
    names = ["few rows are rejected", "few images are in conflict"]
    assert [one.name for one in found.broken] == names
    assert stored.run_metadata["passed"] is False
    assert stored.run_metadata["failed_expectations"] == names
    assert stored.run_metadata["rejected_by_kind"] == {"conflict": 6}
    dropped = Path(stored.uri, "dropped.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in dropped] == ["kind", *["conflict"] * 6]
    pages = [Path(one.uri) for one in stored.visualizations]
    assert [page.name for page in pages] == ["validation.html"]
    assert "Refused:" in pages[0].read_text()


def test_few_label_conflicts_are_reported_and_stop_nothing(
    conflicting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = shutil.copytree(conflicting, tmp_path / "images")
    for seed in (101, 102):
        (folder / "manipulated" / f"again-{seed}.png").unlink()
    words = ["--set", "data.source=folder", "--set", f"data.options.path={folder}"]
    words += ["--set", "data.manipulations=null", "--set", "data.workers=1"]
    assert run.main(["--pipeline", "data_validation", *words]) == 0
    told = capsys.readouterr().out
    assert re.search(r"conflict +8\.0 % +2", told)
