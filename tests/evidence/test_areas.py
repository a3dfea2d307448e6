"""Boxes around what is strong, the strongest first."""

from __future__ import annotations

import numpy as np
import pytest

from assay.evidence.areas import strongest_areas
from assay.records import Region


def test_areas_become_boxes_the_strongest_first() -> None:
    strength = np.zeros((10, 20), np.float32)
    strength[1:3, 2:4] = 0.6
    strength[5:9, 10:15] = 0.9
    assert strongest_areas(strength, 0.5) == (
        Region(10 / 20, 5 / 10, 15 / 20, 9 / 10),
        Region(2 / 20, 1 / 10, 4 / 20, 3 / 10),
    )


@pytest.mark.parametrize(("level", "count"), [(0.5, 5), (2.0, 0)])
def test_areas_are_those_above_the_level_and_at_most_five(level: float, count: int) -> None:
    strength = np.zeros((3, 30), np.float32)
    strength[1, ::2] = 1.0
    assert len(strongest_areas(strength, level)) == count
