"""What tells one local edit from another; what they share is in the contract tests."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assay.manipulations import manipulations, retouch
from assay.manipulations.inpaint import Inpaint
from assay.manipulations.retouch import Retouch
from assay.manipulations.splice import Splice
from assay.manipulations.text_overlay import TextOverlay
from assay.records import Pixels
from tests.scenes import scene

SEEDS = range(8)


def grain(image: Pixels, where: np.ndarray) -> float:
    """Spread of what a median filter removes, grey levels."""
    residual = image.astype(float) - cv2.medianBlur(image, 3)
    inner = cv2.erode(where.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    return float(residual[inner].std())


def test_splice_brings_noise_of_its_own() -> None:
    flat = np.full((160, 160, 3), 120, np.uint8)
    levels = []
    for seed in SEEDS:
        edited, mask = Splice().apply(flat, flat - 40, np.random.default_rng(seed))
        levels.append(grain(edited, mask))
    assert min(levels) == 0
    assert max(levels) > 1.5


def test_splice_of_grey_donor_takes_on_the_colour_around_it() -> None:
    image = np.full((128, 128, 3), (200, 90, 60), np.uint8)
    donor = scene(1, grey=True)
    edited, mask = Splice().apply(image, donor, np.random.default_rng(0))
    red, green, blue = edited[mask].mean(axis=0)
    assert red > green + 60 > blue + 60


@pytest.mark.parametrize("name", ["splice", "copy_move", "inpaint", "retouch"])
def test_edit_of_grey_photograph_stays_grey(name: str) -> None:
    for seed in SEEDS:
        image, donor = scene(seed, grey=True), scene(50 + seed)
        edited, _ = manipulations()[name].apply(image, donor, np.random.default_rng(seed))
        assert np.ptp(edited.astype(int), axis=2).max() <= 1


def test_copy_move_copies_pixels_of_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    known = {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        edited, mask = manipulations()["copy_move"].apply(image, image, rng)
        core = cv2.erode(mask.astype(np.uint8), np.ones((17, 17), np.uint8)).astype(bool)
        found.append(np.mean([tuple(pixel) in known for pixel in edited[core].tolist()]))
    assert max(found) == 1
    assert min(found) < 0.5


def test_inpaint_removes_what_stood_out() -> None:
    for seed in SEEDS:
        _, mask = Inpaint().apply(scene(), scene(1), np.random.default_rng(seed))
        image = np.full((128, 128, 3), 90, np.uint8)
        image[mask] = 250
        edited, again = Inpaint().apply(image, scene(1), np.random.default_rng(seed))
        assert np.median(edited[mask & again]) < 130


@pytest.mark.parametrize("tool", retouch._TOOLS, ids=lambda tool: tool.__name__)
def test_each_retouching_tool_alters_visibly(tool: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retouch, "_TOOLS", (tool,))
    image = scene(5)
    edited, mask = Retouch().apply(image, image, np.random.default_rng(3))
    assert 1 < np.abs(edited[mask].astype(int) - image[mask]).mean() < 60


def test_smoothing_takes_grain_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retouch, "_TOOLS", (retouch._smooth,))
    image = scene(6)
    edited, mask = Retouch().apply(image, image, np.random.default_rng(0))
    assert grain(edited, mask) < 0.6 * grain(image, mask)


def test_caption_is_drawn_at_the_edge_and_inside_the_image() -> None:
    for seed in SEEDS:
        _, mask = TextOverlay().apply(scene(), scene(1), np.random.default_rng(seed))
        rows = np.flatnonzero(mask.any(axis=1))
        assert rows.min() < 20 or rows.max() > 108
        assert not mask[len(mask) // 2].any()
