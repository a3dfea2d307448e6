"""The mask of an edit against what was really edited, and no mask where none is certain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assay import images, plugins
from assay.degradations import recompress
from assay.difference_masks import difference_mask
from assay.manipulations import Manipulation
from assay.records import Mask, Pixels
from assay.sources.photos import Photos
from tests.scenes import scene


@pytest.fixture(scope="module")
def crops() -> list[Pixels]:
    samples = Photos(crop_size=256, photographs=("coffee", "chelsea", "rocket")).fetch()
    return [images.decode(next(samples).image).pixels for _ in range(3)]


def spliced(crops: list[Pixels]) -> tuple[Pixels, Mask]:
    edit = plugins.find("assay.manipulations", Manipulation, "splice")()  # type: ignore[type-abstract]
    return edit.apply(crops[0], crops[1], np.random.default_rng(3))


def overlap(mask: Mask, truth: Mask) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def test_mask_is_where_the_edit_is(crops: list[Pixels]):
    edited, truth = spliced(crops)
    mask = difference_mask(recompress(edited, 85), recompress(crops[0], 80))
    assert mask is not None
    assert overlap(mask, truth) > 0.7


def test_mask_is_in_the_frame_of_the_edit_when_the_original_is_larger(crops: list[Pixels]):
    edited, truth = spliced(crops)
    larger = cv2.resize(crops[0], (410, 410), interpolation=cv2.INTER_CUBIC)
    mask = difference_mask(edited, larger.astype(np.uint8))
    assert mask is not None
    assert mask.shape == truth.shape
    assert overlap(mask, truth) > 0.6


def test_copy_without_an_edit_has_no_mask(crops: list[Pixels]):
    assert difference_mask(recompress(crops[0], 60), crops[0]) is None


def test_other_picture_gives_no_mask(crops: list[Pixels]):
    assert difference_mask(crops[0], crops[2]) is None


def test_edit_of_almost_everything_gives_no_mask(crops: list[Pixels]):
    edited = scene(5, 256, 256)
    edited[:70] = crops[0][:70]
    assert difference_mask(edited, crops[0]) is None


def test_original_that_shows_little_of_the_edit_gives_no_mask(crops: list[Pixels]):
    edited, _ = spliced(crops)
    assert difference_mask(edited, np.ascontiguousarray(crops[0][:130, :130])) is None
