"""A rollout over a target that does what a test says, and notes what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import RolloutFailed
from assay.progress import silent
from assay.release import Release
from assay.rollout.driver import roll_out
from assay.rollout.limits import RolloutSettings, Strategy
from assay.rollout.target import Mode, Observation, Side, Target

RELEASE = Release(
    name="v2", bento=Path("bento"), model_version="2", model_content="c", built_at="now"
)
SETTINGS = RolloutSettings(
    steps=(0.1, 0.5), seconds_per_step=0, timeout=5, minimum_requests=10, poll_seconds=0.01
)
FINE = Observation(Side(50, 0, (10.0,) * 50), Side(50, 0, (10.0,) * 50), 50, 0, 0.0)
FAILING = Observation(Side(50, 0, (10.0,) * 50), Side(50, 50, ()), 0, 0, None)


class Noting(Target):
    """Observes whatever the functions give in turn."""

    name = "noting"

    def __init__(self, *seen: Callable[[], Observation], serves: bool = True) -> None:
        self.asked: list[object] = []
        self._seen, self._serves = list(seen), serves

    def is_serving(self) -> bool:
        return self._serves

    def active(self) -> str | None:
        return None

    def start(self, release: Release) -> None:
        self.asked.append(f"start {release.name}")

    def share(self, share: float, mode: Mode) -> None:
        self.asked.append((share, mode))

    def observe(self) -> Observation:
        return self._seen.pop(0)()

    def promote(self) -> None:
        self.asked.append("promote")

    def abandon(self) -> None:
        self.asked.append("abandon")

    def roll_back(self) -> str:
        raise NotImplementedError


def fine() -> Observation:
    return FINE


def failing() -> Observation:
    return FAILING


def interrupted() -> Observation:
    raise KeyboardInterrupt


def ended() -> Observation:
    raise RolloutFailed("v2 ended with status 1")


def with_strategy(strategy: Strategy) -> RolloutSettings:
    return SETTINGS.model_copy(update={"strategy": strategy})


def test_canary_grows_and_is_promoted() -> None:
    target = Noting(fine, fine)
    outcome = roll_out(target, RELEASE, SETTINGS, silent)
    assert target.asked == ["start v2", (0.1, Mode.CANARY), (0.5, Mode.CANARY), "promote"]
    assert outcome.promoted
    assert outcome.observed == (FINE, FINE)
    assert "0 of 50 answers were errors" in outcome.reasons[0]


def test_shadow_is_shown_copies_first() -> None:
    target = Noting(fine)
    assert roll_out(target, RELEASE, with_strategy(Strategy.SHADOW), silent).promoted
    assert target.asked == ["start v2", (0.25, Mode.SHADOW), "promote"]


def test_shadow_may_be_followed_by_a_canary() -> None:
    target = Noting(fine, fine, fine)
    assert roll_out(target, RELEASE, with_strategy(Strategy.SHADOW_CANARY), silent).promoted
    shares = [(0.25, Mode.SHADOW), (0.1, Mode.CANARY), (0.5, Mode.CANARY)]
    assert target.asked == ["start v2", *shares, "promote"]


def test_canary_that_fails_its_shadow_answers_nobody() -> None:
    target = Noting(failing)
    assert not roll_out(target, RELEASE, with_strategy(Strategy.SHADOW_CANARY), silent).promoted
    assert target.asked == ["start v2", (0.25, Mode.SHADOW), "abandon"]


def test_direct_rollout_observes_nothing() -> None:
    target = Noting()
    assert roll_out(target, RELEASE, with_strategy(Strategy.DIRECT), silent).promoted
    assert target.asked == ["start v2", "promote"]


def test_failing_step_abandons_with_the_reason() -> None:
    target = Noting(fine, failing)
    outcome = roll_out(target, RELEASE, SETTINGS, silent)
    assert target.asked[-2:] == [(0.5, Mode.CANARY), "abandon"]
    assert not outcome.promoted
    assert outcome.reasons == ("50 of 50 answers were errors; 1 % may",)


def test_challenger_that_ended_is_abandoned_with_the_reason() -> None:
    target = Noting(ended)
    outcome = roll_out(target, RELEASE, SETTINGS, silent)
    assert (outcome.promoted, outcome.reasons) == (False, ("v2 ended with status 1",))
    assert target.asked[-1] == "abandon"


def test_share_is_given_again_while_too_little_was_seen() -> None:
    few = Observation(Side(2, 0, (1.0,) * 2), Side(1, 0, (1.0,)), 1, 0, 0.0)
    target = Noting(lambda: few, lambda: few, fine, fine)
    assert roll_out(target, RELEASE, SETTINGS, silent).promoted
    assert target.asked[1:4] == [(0.1, Mode.CANARY)] * 3


def test_interruption_abandons_the_challenger() -> None:
    target = Noting(interrupted)
    with pytest.raises(KeyboardInterrupt):
        roll_out(target, RELEASE, SETTINGS, silent)
    assert "abandon" in target.asked
    assert "promote" not in target.asked


def test_target_that_compares_nothing_is_not_waited_for() -> None:
    unseen = Observation(FINE.current, FINE.challenger, 0, 0, None)
    target = Noting(lambda: unseen, lambda: unseen)
    target.compares = False  # type: ignore[misc]
    assert roll_out(target, RELEASE, SETTINGS, silent).promoted


def test_nothing_served_is_recorded_only() -> None:
    target = Noting(serves=False)
    assert roll_out(target, RELEASE, SETTINGS, silent).promoted
    assert target.asked == ["start v2", "promote"]
