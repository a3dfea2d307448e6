"""Windows of photographs at any scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay import images
from assay.errors import ConfigError
from assay.experts.forensic import corpus
from assay.experts.forensic.corpus import Corpus
from assay.experts.photographs import Photographs
from tests.scenes import scene


@pytest.mark.parametrize("scale", [1.0, 0.7, 0.5, 0.3, 0.12])
@pytest.mark.parametrize("side", [64, 256, 500])
def test_window_has_its_size_at_any_scale(stored: Path, scale: float, side: int) -> None:
    window = Corpus(stored).window(0, scale, side, np.random.default_rng(0))
    assert window.shape == (side, side, 3)
    assert window.dtype == np.uint8
    assert window.flags.writeable


def test_window_at_full_scale_is_a_part_of_the_photograph(stored: Path) -> None:
    window = Corpus(stored).window(1, 1.0, 290, np.random.default_rng(3))
    views = np.lib.stride_tricks.sliding_window_view(scene(1, 300, 360)[..., 0], (290, 290))
    assert (views == window[..., 0]).all(axis=(2, 3)).sum() == 1


def test_window_shows_more_at_a_smaller_scale(stored: Path) -> None:
    wide = Corpus(stored).window(2, 0.25, 75, np.random.default_rng(0))
    whole = scene(2, 300, 360).reshape(75, 4, 90, 4, 3).mean(axis=(1, 3))
    views = np.lib.stride_tricks.sliding_window_view(whole, (75, 75), axis=(0, 1))[0]
    errors = [np.abs(np.moveaxis(view, 0, 2) - wide).mean() for view in views]
    assert min(errors) < 1


def test_build_leaves_out_what_is_small_or_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, small, damaged = (tmp_path / f"{name}.png" for name in ("good", "small", "damaged"))
    good.write_bytes(images.encode_png(scene(0, 300, 300)))
    small.write_bytes(images.encode_png(scene(0, 255, 400)))
    damaged.write_bytes(good.read_bytes()[:5000])
    built = corpus.build([small, good, damaged], tmp_path / "corpus")
    assert built.names == ["good.png"]
    assert built.left_out["small.png"] == "smaller than 256 pixels"
    assert "damaged" in built.left_out["damaged.png"]
    assert [record.args[0].name for record in caplog.records] == ["damaged.png", "small.png"]


def test_build_of_nothing_names_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    path.write_bytes(images.encode_png(scene()))
    with pytest.raises(ConfigError, match="256 pixels a side or more; give authentic photographs"):
        corpus.build([path], tmp_path / "corpus")


def test_build_that_was_cut_short_is_begun_again(photographs: Photographs, tmp_path: Path) -> None:
    def interrupt(done: int, total: int, what: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus.build(photographs.files, tmp_path, interrupt)
    assert corpus.build(photographs.files, tmp_path).names == [
        *("a.png", "b.png", "c.png"),
        "more/d.png",
    ]


def test_build_opens_what_is_there(stored: Path) -> None:
    assert len(corpus.build([], stored)) == 4


def test_only_keeps_photographs_in_the_order_asked_for(stored: Path) -> None:
    part = Corpus(stored).only((2, 0))
    assert part.names == ["c.png", "a.png"]
    rng = np.random.default_rng
    np.testing.assert_array_equal(
        part.window(0, 1.0, 64, rng(0)), Corpus(stored).window(2, 1.0, 64, rng(0))
    )
