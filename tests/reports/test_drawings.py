"""Boxes lie where regions are, labels never cover one another, whatever the image's shape."""

from __future__ import annotations

import base64
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import images
from assay.records import Link, Region
from assay.reports.drawings import LINE, LONGEST, SHORTEST, Mark, drawing
from tests.scenes import scene

FRACTION = st.floats(0, 1, width=32)


@st.composite
def marks(draw: st.DrawFn) -> Mark:
    left, right = sorted(draw(st.tuples(FRACTION, FRACTION)))
    top, bottom = sorted(draw(st.tuples(FRACTION, FRACTION)))
    return Mark(Region(left, top, right, bottom), draw(st.text("word ", max_size=40)))


@settings(deadline=None, max_examples=60)
@given(st.lists(marks(), max_size=12), st.sampled_from([(64, 64), (8, 900), (900, 8)]))
def test_labels_keep_apart_and_inside(given_marks: list[Mark], shape: tuple[int, int]):
    drawn = drawing(np.zeros((*shape, 3), np.uint8), "nothing", given_marks)
    boxes = [label.box for label in drawn.labels]
    assert [label.words for label in drawn.labels] == [m.words for m in given_marks if m.words]
    assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
    for box in boxes:
        assert box.x >= 0
        assert box.x + box.width <= drawn.width + 1e-6
        assert 0 <= box.y <= drawn.height - LINE + 1e-6


@pytest.mark.parametrize(
    ("height", "width", "longest"), [(64, 48, SHORTEST), (600, 500, 600), (2000, 3000, LONGEST)]
)
def test_drawing_keeps_the_shape_of_the_image(height, width, longest):
    drawn = drawing(np.zeros((height, width, 3), np.uint8), "nothing")
    assert max(drawn.width, drawn.height) == pytest.approx(longest)
    assert drawn.width / drawn.height == pytest.approx(width / height)


def test_boxes_and_arrows_lie_where_they_are_measured():
    region, link = Region(0.25, 0.5, 0.5, 1), Link(0, 0, 0.5, 0.25)
    drawn = drawing(scene(0, 480, 480), "parts", [Mark(region, dashed=True)], [link])
    (box,), (arrow,) = drawn.dashed, drawn.arrows
    assert (box.x, box.y, box.width, box.height) == (120, 240, 120, 240)
    assert (arrow.x1, arrow.y1, arrow.x2, arrow.y2) == (0, 0, 240, 120)
    assert drawn.boxes == ()


def test_a_label_stands_above_its_box_where_there_is_room():
    drawn = drawing(scene(0, 480, 480), "parts", [Mark(Region(0.2, 0.5, 0.4, 0.7), "one")])
    assert drawn.labels[0].box.y == 240 - LINE
    assert drawn.labels[0].box.x == 96


def test_picture_is_a_jpeg_of_the_pixels():
    pixels = scene(0, 96, 64)
    data = drawing(pixels, "a scene").uri.removeprefix("data:image/jpeg;base64,")
    shown = images.decode(base64.b64decode(data))
    assert shown.format == "JPEG"
    assert np.abs(shown.pixels.astype(int) - pixels).mean() < 8
