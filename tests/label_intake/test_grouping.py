"""Which groups are held out as the newest, and which split the others are drawn into."""

from collections import Counter
from datetime import timedelta

from assay.label_intake.grouping import Dated, drawn_split, newest_groups
from assay.records import Split
from tests.captures import START


def dated(group: str, day: int, is_authentic: bool = True) -> Dated:
    return Dated(group, START + timedelta(days=day), is_authentic)


def mixed(count: int) -> list[Dated]:
    return [dated(f"g{day}", day, day % 2 == 0) for day in range(count)]


def test_half_of_the_newest_groups_are_held_out_up_to_the_share():
    held = newest_groups(mixed(120), 0.25)
    assert len(held) == 30
    assert held <= {f"g{day}" for day in range(60, 120)}
    # The others are learned from, the very newest among them.
    assert not {f"g{day}" for day in range(110, 120)} <= held


def test_same_groups_are_held_out_each_time():
    assert newest_groups(mixed(120), 0.25) == newest_groups(mixed(120)[::-1], 0.25)


def test_group_that_was_seen_before_is_no_news():
    copies = [dated("g0", day) for day in (0, 20, 21)]
    assert "g0" not in newest_groups([*mixed(12), *copies], 0.25)


def test_group_that_is_too_large_is_left_to_training():
    burst = [dated("burst", 30) for _ in range(8)]
    held = newest_groups([*mixed(12), *burst], 0.2)
    assert len(held) == 4
    assert held <= {f"g{day}" for day in range(4, 12)}


def test_window_of_one_side_reaches_back_for_the_other():
    images = [dated(f"g{day}", day, day < 6) for day in range(12)]
    held = newest_groups(images, 0.25)
    assert held - {f"g{day}" for day in range(6, 12)} == {"g5"}


def test_window_takes_no_more_than_half():
    images = [dated("real", 0), *(dated(f"g{day}", day, False) for day in range(1, 4))]
    held = newest_groups([*images, *(dated("real", 0) for _ in range(5))], 0.25)
    assert len(held) == 2
    assert held <= {"g1", "g2", "g3"}


def test_nothing_is_held_out_unless_asked_for():
    assert newest_groups(mixed(12), 0.0) == set()


def test_split_of_a_group_is_always_the_same_and_near_its_share():
    counts = Counter(drawn_split(f"g{number}", 0.25) for number in range(2000))
    assert counts == Counter(drawn_split(f"g{number}", 0.25) for number in range(2000))
    assert counts.keys() == {Split.TRAIN, Split.VALIDATION}
    assert abs(counts[Split.VALIDATION] / 2000 - 0.25) < 0.03
