from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import places
from assay.evidence import examiners
from assay.places import PARTS, PLACES, WHOLE
from assay.records import Mask, Measurement, Region

FRACTIONS = st.floats(0, 1, allow_subnormal=False)


def masked(rows: slice, columns: slice) -> Mask:
    mask = np.zeros((90, 120), dtype=bool)
    mask[rows, columns] = True
    return mask


def warm(place: str, cells: int = 24) -> np.ndarray:
    """A heatmap that is hot in ``place`` and lukewarm elsewhere."""
    heat = np.full((cells, cells), 0.2, dtype=np.float32)
    box = places.region(place)
    rows, columns = (
        slice(round(cells * start), round(cells * stop))
        for start, stop in ((box.top, box.bottom), (box.left, box.right))
    )
    heat[rows, columns] = 0.6
    return heat


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(0, 20), slice(0, 20), "upper left part"),
        (slice(70, 90), slice(50, 70), "lower centre part"),
        (slice(35, 55), slice(50, 70), "middle of the image"),
        (slice(0, 90), slice(0, 120), "whole image"),
        (slice(0, 90), slice(0, 60), "middle left part"),
        (slice(60, 90), slice(0, 120), "lower centre part"),
    ],
)
def test_region_words_name_where_a_mask_lies(rows: slice, columns: slice, words: str) -> None:
    assert places.region_words(masked(rows, columns)) == words


def test_a_mask_of_two_blobs_lies_in_one_of_them_and_not_between() -> None:
    mask = masked(slice(0, 30), slice(0, 40)) | masked(slice(65, 90), slice(90, 120))
    assert places.region_words(mask) == "upper left part"
    assert places.lies_in(mask, "lower right part")
    assert not places.lies_in(mask, "middle of the image")


def test_an_empty_mask_lies_nowhere() -> None:
    empty = np.zeros((9, 9), dtype=bool)
    assert places.region_words(empty) == ""
    assert not any(places.lies_in(empty, place) for place in PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_region_inverts_region_words(place: str) -> None:
    assert places.region_words(places.region(place)) == place


@given(FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS)
def test_a_box_lies_in_the_place_that_is_said_of_it(a: float, b: float, c: float, d: float) -> None:
    (left, right), (top, bottom) = sorted((a, b)), sorted((c, d))
    if right - left < 1e-6 or bottom - top < 1e-6:
        return
    box = Region(left, top, right, bottom)
    assert places.lies_in(box, places.region_words(box))
    assert places.points_at(
        Measurement("a", 1.0, (box,)), places.where(Measurement("a", 1, (box,)))
    )


@pytest.mark.parametrize("cells", [1, 2, 7])
def test_a_heatmap_of_few_cells_points_somewhere(cells: int) -> None:
    heat = np.zeros((cells, cells), dtype=np.float32)
    heat[-1, -1] = 1
    words = places.where(Measurement("a", 1.0, heatmap=heat))
    assert words == (WHOLE if cells == 1 else "lower right part")


def test_where_is_the_strongest_region() -> None:
    boxes = tuple(map(places.region, ("upper right part", "lower left part")))
    measurement = Measurement("a", 1.0, boxes)
    assert places.where(measurement) == "upper right part"
    pointed = [place for place in PLACES if places.points_at(measurement, place)]
    assert pointed == ["upper right part"]


@pytest.mark.parametrize("place", PARTS)
def test_without_regions_the_hottest_part_is_where(place: str) -> None:
    assert places.where(Measurement("a", 1.0, heatmap=warm(place))) == place


@pytest.mark.parametrize("place", PARTS)
def test_a_region_counts_only_where_the_heatmap_is_hot(place: str) -> None:
    region = (places.region("middle of the image"),)
    pointed = places.where(Measurement("a", 1.0, region, warm(place)))
    assert pointed == ("middle of the image" if place == "middle of the image" else "")


def test_a_region_smaller_than_a_cell_still_points() -> None:
    heat = np.zeros((3, 3), dtype=np.float32)
    heat[2, 0] = 0.9
    speck = Measurement("a", 1.0, (Region(0.02, 0.95, 0.04, 0.97),), heat)
    assert places.where(speck) == "lower left part"


def test_a_measurement_without_area_points_nowhere() -> None:
    cold = np.zeros((4, 4), dtype=np.float32)
    for measurement in (Measurement("a", 1.0), Measurement("a", 1.0, heatmap=cold)):
        assert places.where(measurement) == ""


@pytest.mark.parametrize("examiner", examiners().values(), ids=examiners())
def test_the_strongest_region_of_an_examiner_is_hot(examiner) -> None:
    measurement = examiner.examine(examiner.example()[0])
    assert bool(places.where(measurement)) >= bool(measurement.regions)
