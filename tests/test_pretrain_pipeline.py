"""The pre-training of the experts as a pipeline, run for real and small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import run
from assay import images, tracking
from assay.experts.card import ExpertsCard
from tests.pipeline_runs import environment, latest
from tests.scenes import scene

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]
TINY = ("steps=2", "pairs=1", "window=2", "workers=0", "held_out_pairs=2")


@pytest.fixture(scope="module", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder for the pipelines of this module."""
    folder = tmp_path_factory.mktemp("state")
    with environment(folder):
        yield folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(2):
        (folder / f"{seed}.png").write_bytes(images.encode_png(scene(seed, 280, 280)))
    (folder / "terms.txt").write_text("CC0")
    return folder


def pretrain(folder: Path, *settings: str) -> int:
    words = [f"photographs={folder}", *(f"pretraining.{text}" for text in settings)]
    return run.main(["--pipeline", "pretrain", *(w for text in words for w in ("--set", text))])


def test_pretrain_ends_with_weights_a_card_and_what_to_do(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pretrain(photographs, *TINY) == 0
    printed = capsys.readouterr().out
    assert "2 steps on 1 photographs" in printed
    assert "assay/experts/weights/" in printed
    outputs = latest().steps["pretrain_experts"].outputs
    weights = outputs["experts"][0].load()
    assert ExpertsCard.load(weights).left_out.keys() == {"terms.txt"}
    assert (weights / "forensic.safetensors").stat().st_size > 100_000
    assert outputs["experts_card"][0].visualizations


def test_pretrain_is_followed_on_mlflow() -> None:
    (tracked,) = tracking.client().search_runs([tracking.experiment_id()])
    assert tracked.info.run_name == latest().name
    assert tracked.data.tags["stage"] == "experts"
    assert tracked.data.params["pretraining.steps"] == "2"
    assert {"train/map", "train/traits", "validation/pixel_auc"} <= set(tracked.data.metrics)
    (used,) = tracked.inputs.dataset_inputs
    assert used.dataset.digest == tracked.data.tags["dataset_version"]


def test_folder_without_photographs_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = latest().name
    assert pretrain(tmp_path) == run.WRONG_SETTING
    assert "holds no image; put there authentic photographs" in capsys.readouterr().err
    assert latest().name == before
