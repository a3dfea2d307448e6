"""When a photo is no use to the examiners."""

from __future__ import annotations

import numpy as np
import pytest

from assay.evidence.residuals import why_not
from assay.records import Photo
from tests.scenes import scene


@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 30, 30)])
def test_one_even_colour_is_flat(colour: tuple[int, int, int]):
    pixels = np.full((96, 96, 3), colour, np.uint8)
    assert why_not(Photo(b"", pixels, "PNG")) == "a flat picture"


def test_scene_is_of_use():
    assert why_not(Photo(b"", scene(0), "PNG")) == ""
