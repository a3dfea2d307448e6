"""A part whose channels vary together in another way is found; grey pictures have none."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from assay import images
from assay.evidence.colour import ColourInconsistency
from assay.records import Measurement, Photo
from tests.scenes import scene

INSIDE = np.s_[64:160, 96:192]


def examined(picture: npt.NDArray[np.float64], quality: int | None = None) -> Measurement:
    photo = Photo(b"", picture.clip(0, 255).astype(np.uint8), "PNG")
    if quality:
        photo = images.decode(images.encode_jpeg(photo.pixels, quality))
    return ColourInconsistency().examine(photo)


def grain(seed: int, shared: float) -> npt.NDArray[np.float64]:
    """Two-pixel grain of 6 grey levels, of which the channels have this share in common."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(0, 1, (256, 320, 1)), rng.normal(0, 1, (256, 320, 3))
    mixed = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    soft = cv2.GaussianBlur(mixed, (0, 0), 1.2)
    return 6 * soft / soft.std()


@pytest.mark.parametrize("quality", [None, 90])
def test_part_with_grain_of_its_own_in_each_channel_is_found(quality: int | None) -> None:
    ordinary = cv2.GaussianBlur(scene(1, 256, 320), (0, 0), 3) + grain(0, 0.9)
    edited = ordinary.copy()
    edited[INSIDE] += (grain(1, 0.1) - grain(0, 0.9))[INSIDE]
    found = examined(edited, quality)
    assert found.value > 1.5 * examined(ordinary, quality).value
    assert found.heatmap is not None
    heatmap = cv2.resize(found.heatmap, (320, 256))
    assert heatmap[INSIDE].mean() > 2 * np.median(heatmap)
    strongest = found.regions[0]
    assert 90 / 320 < (strongest.left + strongest.right) / 2 < 198 / 320
    assert 58 / 256 < (strongest.top + strongest.bottom) / 2 < 166 / 256


@pytest.mark.parametrize("quality", [None, 75])
def test_grey_picture_is_not_applicable(quality: int | None) -> None:
    grey = scene(0, 200, 200, grey=True).astype(np.float64)
    assert examined(grey, quality).not_applicable == "a grey picture"


def test_faintly_coloured_picture_is_measured() -> None:
    assert examined(scene(0, 200, 200).astype(np.float64)).value is not None
