"""An area that deviates is found wherever it lies, also across the seams of strips."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from assay.evidence.consistency import Statistic, grey_photo, inconsistency, robust_residual
from assay.evidence.noise import NoiseInconsistency
from assay.evidence.residuals import Plane, Planes, luma
from assay.records import Measurement


def noise(height: int, width: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(0).normal(0, 2, (height, width))


def mean_square(rgb: Planes) -> tuple[Plane]:
    return ((luma(rgb) - 120) ** 2,)


def of_squares(picture: npt.NDArray[np.float64]) -> Measurement:
    return inconsistency("squares", grey_photo(picture), Statistic(mean_square, np.log1p))


@pytest.mark.parametrize("middle", [60, 264, 400, 730])
def test_area_is_found_at_any_height(middle: int) -> None:
    picture = noise(800, 160)
    picture[middle - 40 : middle + 40, 40:120] *= 4
    strongest = of_squares(120 + picture).regions[0]
    assert abs((strongest.top + strongest.bottom) / 2 - middle / 800) < 0.02
    assert abs((strongest.left + strongest.right) / 2 - 0.5) < 0.06


def test_value_does_not_depend_on_where_strips_meet() -> None:
    picture = noise(1000, 160)
    picture[200:330, 40:120] *= 2
    examiner = NoiseInconsistency()
    shifted = np.roll(picture, 96, axis=0)
    values = [examiner.examine(grey_photo(120 + one)).value for one in (picture, shifted)]
    assert values[0] == pytest.approx(values[1], rel=0.05)


def test_explained_statistic_is_consistent() -> None:
    picture = noise(320, 320)
    picture[:, 160:] *= 4
    both = Statistic(mean_square, np.log1p, lambda squares: (np.log1p(squares),))
    unexplained = of_squares(120 + picture).value
    explained = inconsistency("squares", grey_photo(120 + picture), both).value
    assert explained < unexplained / 2


def test_heatmap_has_a_cell_for_each_8_pixels() -> None:
    heatmap = of_squares(120 + noise(131, 170)).heatmap
    assert heatmap is not None
    assert heatmap.shape == (131 // 8 - 1, 170 // 8 - 1)


def test_clipped_picture_is_not_applicable() -> None:
    picture = np.random.default_rng(0).uniform(252, 256, (128, 128))
    assert "clipped" in of_squares(picture).not_applicable


def test_outliers_do_not_bend_the_fit() -> None:
    x = np.linspace(0, 1, 200, dtype=np.float32)
    design = np.stack([np.ones_like(x), x], axis=-1)
    target = 3 * x + np.where(np.arange(200) % 10 == 0, np.float32(50), np.float32(0))
    left, spread = robust_residual(design, target.astype(np.float32))
    assert np.median(np.abs(left)) < 0.05
    assert spread < 0.1
