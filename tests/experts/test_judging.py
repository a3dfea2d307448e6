"""The network at work on images of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from assay.errors import CheckpointMismatch
from assay.evidence.areas import strongest_areas
from assay.experts import WEIGHTS, judgement
from assay.experts.forensic import judging
from assay.experts.forensic.judging import Judge
from assay.experts.manipulation import ManipulationExpert
from assay.experts.synthesis import SynthesisExpert
from assay.records import Photo
from tests.scenes import scene


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load(WEIGHTS)


@pytest.mark.parametrize("shape", [(1500, 104), (104, 1500)])
def test_tiles_agree_with_the_whole(
    judge: Judge, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = scene(0, *shape)
    tiled = judge.judge(pixels)
    monkeypatch.setattr(judging, "_TILE", 2048)
    whole = judge.judge(pixels)
    assert tiled.heatmap.shape == whole.heatmap.shape == (shape[0] // 8, shape[1] // 8)
    np.testing.assert_allclose(tiled.heatmap, whole.heatmap, atol=5e-3)
    assert tiled.manipulated == pytest.approx(whole.manipulated, abs=1e-2)
    assert tiled.generated == pytest.approx(whole.generated, abs=1e-2)


def test_fewer_bits_change_next_to_nothing(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = scene(1, 128, 192)
    said = []
    for mixed in (False, True):
        monkeypatch.setattr(judge, "_mixed", mixed)
        said.append(judge.judge(pixels))
    assert said[0].manipulated == pytest.approx(said[1].manipulated, abs=3e-2)
    assert said[0].generated == pytest.approx(said[1].generated, abs=3e-2)
    np.testing.assert_allclose(said[0].heatmap, said[1].heatmap, atol=1e-2)


def test_regions_are_where_the_heatmap_is_above_one_half() -> None:
    suspicious, _ = ManipulationExpert.example()
    said = judgement(suspicious)
    assert said.regions == strongest_areas(said.heatmap, 0.5)
    assert (said.heatmap.max() > 0.5) == bool(said.regions)


def test_both_experts_share_one_judgement() -> None:
    photo = Photo(b"", scene(2), "PNG")
    manipulation, synthesis = ManipulationExpert().examine(photo), SynthesisExpert().examine(photo)
    said = judgement(photo)
    assert said is judgement(photo)
    assert manipulation.heatmap is said.heatmap
    assert synthesis.value == said.generated


def wrong_weights(folder: Path, kind: str) -> Path:
    path = folder / "forensic.safetensors"
    if kind == "damaged":
        path.write_bytes(WEIGHTS.read_bytes()[:1000])
    if kind == "another network's":
        from safetensors.torch import load_file

        stored = load_file(WEIGHTS)
        stored.pop("embed.weight")
        save_file(stored, path)
    return path


@pytest.mark.parametrize("kind", ["missing", "damaged", "another network's"])
def test_wrong_weights_are_answered_with_the_remedy(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CheckpointMismatch, match="git checkout, or make new ones"):
        Judge.load(wrong_weights(tmp_path, kind))
