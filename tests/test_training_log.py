"""The pace of a training, by a clock that the test moves."""

from __future__ import annotations

import pytest

from assay.training_log import NAMES, Pace, named


class Clock:
    """Shows what was set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def paced(done: int, before: float = 0.0) -> tuple[Clock, Pace]:
    clock = Clock()
    return clock, Pace(done, total=20, pause_every=5, before=before, clock=clock)


def steps(clock: Clock, pace: Pace, count: int, seconds: float) -> None:
    for _ in range(count):
        clock.now += seconds
        pace.step()


def test_pace_is_that_of_the_steps_since_it_was_last_asked() -> None:
    clock, pace = paced(0)
    steps(clock, pace, 4, seconds=2.0)
    assert pace.steps_per_second() == 0.5
    steps(clock, pace, 2, seconds=0.5)
    assert pace.steps_per_second() == 2.0
    assert pace.steps_per_second() == 0.0


def test_an_evaluation_slows_the_end_but_not_the_pace() -> None:
    clock, pace = paced(0)
    steps(clock, pace, 5, seconds=1.0)
    assert pace.eta() == 15.0
    clock.now += 7.0
    pace.pause()
    assert pace.steps_per_second() == 1.0
    assert pace.eta() == 15.0 + 3 * 7.0


def test_evaluation_and_checkpoint_of_one_step_are_one_pause() -> None:
    clock, pace = paced(0)
    steps(clock, pace, 5, seconds=1.0)
    for _ in range(2):
        clock.now += 3.0
        pace.pause()
    assert pace.eta() == 15.0 + 3 * 6.0


def test_a_resumed_training_counts_its_pace_from_there() -> None:
    clock, pace = paced(10, before=100.0)
    steps(clock, pace, 2, seconds=3.0)
    assert pace.steps_per_second() == pytest.approx(1 / 3)
    assert pace.eta() == 8 * 3.0
    assert pace.seconds() == 106.0


def test_nothing_is_left_at_the_end() -> None:
    clock, pace = paced(0)
    for _ in range(4):
        steps(clock, pace, 5, seconds=1.0)
        clock.now += 2.0
        pace.pause()
    assert pace.eta() == 0.0


def test_only_what_has_a_name_of_ours_is_passed_on() -> None:
    assert named({"loss": 1, "eval_auc": 0.5, "total_flos": 3.0}) == {
        "train/loss": 1.0,
        "validation/auc": 0.5,
    }
    assert len(set(NAMES.values())) == len(NAMES)
