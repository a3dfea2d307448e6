"""Global changes are undone, local ones stay; a see-through mark is neither."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assay.local_differences import local_differences
from assay.records import Pixels
from assay.toning import toned_alike
from tests.scenes import scene

EVERYWHERE = np.ones((200, 300), bool)


def painted(picture: Pixels, opacity: float, ink: int = 255) -> Pixels:
    """Thin strokes over the picture."""
    strokes = np.zeros(picture.shape[:2], np.uint8)
    cv2.putText(strokes, "MARK", (30, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 1, 2)
    share = opacity * strokes[..., None]
    return (picture * (1 - share) + ink * share).round().astype(np.uint8)


@pytest.mark.parametrize("gain", [(1.2, 1.0, 0.8), (0.6, 0.6, 0.6)])
def test_toned_alike_undoes_gain_and_offset(gain: tuple[float, ...]) -> None:
    first = scene(1, 200, 300)
    second = (first * np.array(gain) + 10).clip(0, 255).astype(np.uint8)
    for one, two in toned_alike(first, second, EVERYWHERE):
        assert np.abs(one - two).mean() < 1.5


def test_toned_alike_is_not_led_by_an_edit() -> None:
    first = scene(1, 200, 300)
    second = (first * 0.8).astype(np.uint8)
    second[:80, :150] = 250
    one, two = toned_alike(first, second, EVERYWHERE)[0]
    assert np.abs(one - two)[90:].mean() < 1.5
    assert np.abs(one - two)[:80, :150].mean() > 40


def test_equal_pictures_differ_nowhere() -> None:
    found = local_differences(scene(2, 200, 300), scene(2, 200, 300), EVERYWHERE)
    assert (found.regions, found.marks, float(found.excess.max())) == ((), (), 0.0)


def test_a_patch_is_one_region_of_its_size() -> None:
    first = scene(2, 200, 300)
    second = first.copy()
    second[60:110, 100:170] = scene(7)[:50, :70]
    (region,) = local_differences(first, second, EVERYWHERE).regions
    inside = region[60:110, 100:170]
    assert inside.mean() > 0.85
    assert region.sum() - inside.sum() < 0.25 * region.sum()


def test_what_only_one_picture_shows_is_no_difference() -> None:
    first, inside = scene(2, 200, 300), EVERYWHERE.copy()
    inside[:, 250:] = False
    second = first.copy()
    second[:, 250:] = 0
    assert local_differences(first, second, inside).regions == ()


@pytest.mark.parametrize("ink", [0, 255])
def test_thin_see_through_strokes_are_marks_in_either_order(ink: int) -> None:
    first = scene(2, 200, 300)
    second = painted(first, 0.4, ink)
    for pair in ((first, second), (second, first)):
        found = local_differences(*pair, EVERYWHERE)
        assert found.marks
        assert found.regions == ()


def test_opaque_strokes_are_differences() -> None:
    first = scene(2, 200, 300)
    found = local_differences(first, painted(first, 1.0), EVERYWHERE)
    assert found.regions
    assert found.marks == ()
