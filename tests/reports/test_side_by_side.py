from __future__ import annotations

import numpy as np

from assay import images
from assay.records import Pixels
from assay.reports.side_by_side import side_by_side
from tests.scenes import scene


def shown(data: bytes) -> Pixels:
    return images.decode(data).pixels


def test_both_pictures_and_the_difference_have_one_size() -> None:
    first = scene(3, 300, 400)
    second = first[20:, 30:].copy()
    second[100:160, 150:230] = scene(7, 60, 80)
    drawn = side_by_side(images.encode_png(first), images.encode_png(second))
    assert drawn is not None
    this, other, difference = map(shown, (drawn.this, drawn.other, drawn.difference))
    assert this.shape == other.shape == difference.shape
    apart = np.abs(this.astype(int) - other).sum(axis=2) > 60
    heat = np.abs(difference.astype(int) - this).sum(axis=2)
    assert heat[apart].mean() > 5 * heat[~apart].mean()
    assert len(drawn) == len(drawn.this) + len(drawn.other) + len(drawn.difference)


def test_strangers_are_not_drawn() -> None:
    one, two = (images.encode_png(scene(seed, 200, 200)) for seed in (1, 2))
    assert side_by_side(one, two) is None
