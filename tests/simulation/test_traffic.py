from __future__ import annotations

from itertools import islice

import pytest
from pydantic import ValidationError

from assay import images, strata
from assay.records import Label
from assay.simulation.settings import Phase, SimulationSettings, TrafficSettings
from assay.simulation.traffic import Post, posts

QUICK = TrafficSettings(side=64, edits=("colour_filter",), new_edit="text_overlay")
WEEKS = (Phase.CALM, Phase.NEW_MANIPULATION, Phase.LOW_QUALITY, Phase.VIRAL)
SETTINGS = SimulationSettings(weeks=WEEKS, traffic=QUICK)


def some(week: int, count: int = 40, settings: SimulationSettings = SETTINGS) -> list[Post]:
    return list(islice(posts(settings, week), count))


def share(of: list[bool]) -> float:
    return sum(of) / len(of)


def test_same_seed_gives_the_same_images_and_another_others():
    first = some(1, 4)
    assert first == some(1, 4)
    others = some(1, 4, SETTINGS.model_copy(update={"seed": 1}))
    assert not {one.data for one in first} & {one.data for one in others}


def test_weeks_share_no_image():
    assert not {one.data for one in some(1, 8)} & {one.data for one in some(2, 8)}


def test_going_on_from_a_number_gives_what_comes_there():
    assert list(islice(posts(SETTINGS, 4, start=6), 3)) == some(4, 9)[6:]


def test_calm_week_holds_authentic_images_and_edits_that_are_known():
    week = some(1)
    assert {one.edit for one in week} == {"", "colour_filter"}
    assert 0.05 < share([one.label is Label.MANIPULATED for one in week]) < 0.4
    assert all((one.label is Label.AUTHENTIC) == (not one.edit) for one in week)
    assert all(images.decode(one.data).size == (64, 64) for one in week[:3])


def test_new_manipulation_stays_once_it_has_come():
    for week in (2, 3):
        assert 0.05 < share([one.edit == "text_overlay" for one in some(week)]) < 0.4


def test_low_quality_comes_after_the_manipulation():
    qualities = {week: [_quality(one) for one in some(week, 20)] for week in (2, 3)}
    assert min(qualities[2]) >= 75
    assert share([30 <= quality <= 45 for quality in qualities[3]]) > 0.5


def test_viral_week_repeats_one_edited_picture():
    week = some(4)
    copies = [one for one in week if one.is_viral]
    assert 0.2 < len(copies) / len(week) < 0.8
    assert len({one.edit for one in copies}) == 1
    assert len({one.name for one in copies}) == len(copies)
    assert 1 < len({one.data for one in copies}) < len(copies)


def test_without_change_every_week_is_calm():
    calm = SETTINGS.model_copy(update={"change": False})
    for week in (2, 3, 4):
        few = some(week, 10, calm)
        assert {one.edit for one in few} <= {"", "colour_filter"}
        assert not any(one.is_viral for one in few)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("new_edit", "resynthesys", "resynthesis"),
        ("edits", (), "one manipulation"),
        ("photographs", ("astronout",), "astronaut"),
    ],
    ids=["new_edit", "edits", "photographs"],
)
def test_wrong_names_are_told_with_the_right_ones(field: str, value: object, said: str):
    with pytest.raises(ValidationError, match=said):
        TrafficSettings.model_validate({field: value})


def _quality(post: Post) -> int:
    return strata.jpeg_quality(images.decode(post.data)) or 0
