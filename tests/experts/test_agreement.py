"""Whether examinations point to the same place, whatever the picture holds there."""

from __future__ import annotations

import numpy as np
import pytest

from assay.evidence.consistency import content
from assay.experts.agreement import agreement
from tests.scenes import scene

PIXELS = scene(3, 192, 256)
SHAPE = content(PIXELS)[1].shape


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, SHAPE).astype(np.float32)


def spot(row: int, column: int) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    return (np.hypot(rows - row, columns - column) < 4).astype(np.float32)


def test_one_place_agrees_with_itself_and_not_with_another() -> None:
    here = agreement(4 * spot(6, 8) + 0.2 * noise(0), [spot(6, 8) + 0.2 * noise(1)], PIXELS)
    there = agreement(4 * spot(6, 8) + 0.2 * noise(0), [spot(16, 24) + 0.2 * noise(1)], PIXELS)
    assert here is not None
    assert there is not None
    assert here > 0.6
    assert there < 0.1


def test_what_the_picture_explains_is_no_agreement() -> None:
    texture = content(PIXELS)[0][1]
    raw = np.corrcoef((texture + 0.2 * noise(0)).ravel(), (texture + 0.2 * noise(1)).ravel())[0, 1]
    left = agreement(texture + 0.2 * noise(0), [texture + 0.2 * noise(1)], PIXELS)
    assert raw > 0.5
    assert left == pytest.approx(0, abs=0.15)


def test_each_of_the_others_counts_alike() -> None:
    own, others = spot(6, 8) + 0.1 * noise(0), [spot(6, 8) + 0.1 * noise(1), noise(2)]
    each = [agreement(own, [other], PIXELS) for other in others]
    assert agreement(own, others, PIXELS) == pytest.approx(np.mean(each))


def test_grids_may_differ() -> None:
    own, other = np.kron(spot(6, 8), np.ones((2, 2), np.float32)), spot(6, 8)
    found = agreement(own, [other], PIXELS)
    assert found is not None
    assert found > 0.9


def test_nothing_agrees_with_nothing() -> None:
    assert agreement(noise(0), [], PIXELS) is None
    assert agreement(noise(0), [noise(1)], np.full_like(PIXELS, 255)) is None
