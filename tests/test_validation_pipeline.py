"""Bad data through the pipelines: training never starts, and the report of why is kept."""

from __future__ import annotations

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
    """Labelled images, one of which stands under two labels."""
    folder = tmp_path_factory.mktemp("images")
    for first, label in enumerate(("authentic", "manipulated"), 1):
        (folder / label).mkdir()
        for seed in range(100 * first, 100 * first + 12):
            data = images.encode_png(scene(seed, 64, 64))
            (folder / label / f"{seed}.png").write_bytes(data)
    (folder / "manipulated" / "again.png").write_bytes(images.encode_png(scene(100, 64, 64)))
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
def test_label_conflict_stops_before_training(
    pipeline: str, conflicting: Path, capsys: pytest.CaptureFixture[str]
):
    refuse(pipeline, conflicting)
    refused = capsys.readouterr().err
    assert "stage accept_dataset failed" in refused
    assert "'pixel-equal images have one label' fails" in refused
    assert "authentic/100.png, manipulated/again.png" in refused
    assert set(latest().steps) == {"build_dataset", "validate_dataset", "accept_dataset"}


def test_refused_validation_can_be_read_and_seen(conflicting: Path):
    refuse("data_validation", conflicting)
    stored = latest().steps["validate_dataset"].outputs["validation"][0]
    found = stored.load()
    assert isinstance(found, Validation)
    assert [one.name for one in found.broken] == ["pixel-equal images have one label"]
    assert stored.run_metadata["passed"] is False
    assert stored.run_metadata["failed_expectations"] == ["pixel-equal images have one label"]
    pages = [Path(one.uri) for one in stored.visualizations]
    assert [page.name for page in pages] == ["validation.html"]
    assert "Refused:" in pages[0].read_text()
