"""What pictures have been through before anybody edits them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.experts.forensic import histories
from assay.experts.forensic.corpus import Corpus
from assay.experts.forensic.histories import TRAITS, History, encoded
from assay.records import Pixels
from tests.scenes import scene

PLAIN = replace(
    History.draw(np.random.default_rng(0)),
    capture=0.5,
    reduction=1.0,
    noise=0.3,
    demosaiced=False,
    denoising=0.0,
    sharpening=0.0,
    gamma=1.0,
    gains=(1.0, 1.0, 1.0),
    camera_quality=100,
    quality=100,
    offset=(0, 0),
)


def picture(history: History, stored: Path, side: int = 96) -> Pixels:
    return history.picture(Corpus(stored), 0, side, np.random.default_rng(1))


def test_draw_is_deterministic() -> None:
    assert History.draw(np.random.default_rng(4)) == History.draw(np.random.default_rng(4))
    assert History.draw(np.random.default_rng(4)) != History.draw(np.random.default_rng(5))


def test_traits_are_of_about_one_size() -> None:
    rng = np.random.default_rng(0)
    traits = np.array([History.draw(rng).traits for _ in range(300)])
    assert traits.shape == (300, len(TRAITS))
    assert np.abs(traits).max() <= 2
    assert traits.std(axis=0).min() > 0.3


@pytest.mark.parametrize("seed", range(4))
def test_picture_has_its_size_and_is_deterministic(stored: Path, seed: int) -> None:
    history = History.draw(np.random.default_rng(seed))
    first = picture(history, stored)
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, picture(history, stored))


@pytest.mark.parametrize(
    "change", [{"noise": 6.0}, {"demosaiced": True}, {"sharpening": 1.0}, {"quality": 60}]
)
def test_each_trait_leaves_a_trace(stored: Path, change: dict[str, float]) -> None:
    plain, other = picture(PLAIN, stored), picture(replace(PLAIN, **change), stored)
    assert (plain != other).any(axis=2).mean() > 0.2
    assert np.abs(plain.mean(axis=(0, 1)) - other.mean(axis=(0, 1))).max() < 3


def test_offset_moves_the_lattice_and_the_picture_alike(stored: Path) -> None:
    moved = picture(replace(PLAIN, offset=(3, 5)), stored)
    np.testing.assert_array_equal(moved[:-3, :-5], picture(PLAIN, stored)[3:, 5:])


@pytest.mark.parametrize("method", histories._DEMOSAICING)
def test_demosaicing_keeps_colours(method: int) -> None:
    flat = np.full((32, 32, 3), (200, 120, 40), np.uint8)
    shown = histories._demosaiced(flat, method)
    np.testing.assert_array_equal(shown[4:-4, 4:-4], flat[4:-4, 4:-4])


def test_encoding_without_loss_leaves_pixels_alone() -> None:
    pixels = scene()
    np.testing.assert_array_equal(encoded(pixels, 100, True), pixels)
    coarse, fine = (encoded(pixels, quality, False) for quality in (50, 95))
    assert np.abs(coarse - pixels.astype(int)).mean() > np.abs(fine - pixels.astype(int)).mean()
