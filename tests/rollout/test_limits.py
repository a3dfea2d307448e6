"""The decision of a rollout: what is beyond chance goes back, what is within goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binom

from assay.rollout.limits import Action, RolloutSettings, decide, lower_bound
from assay.rollout.target import Observation, Side

SETTINGS = RolloutSettings(minimum_requests=50, seconds_per_step=10, timeout=100)
LONG = 50.0


def side(requests: int, errors: int = 0, milliseconds: float = 100.0) -> Side:
    return Side(requests, errors, (milliseconds,) * (requests - errors))


def observed(challenger: Side, compared: int = 200, disagreed: int = 0) -> Observation:
    return Observation(side(200), challenger, compared, disagreed, 0.01)


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.floats(0.6, 0.999))
def test_lower_bound_is_the_share_at_which_so_many_are_just_too_many(
    drawn: tuple[int, int], confidence: float
) -> None:
    of_kind, total = drawn
    bound = lower_bound(of_kind, total, confidence)
    assert 0 <= bound <= of_kind / total
    if of_kind:
        tail = binom.sf(of_kind - 1, total, bound)
        assert tail == pytest.approx(1 - confidence, rel=1e-3, abs=1e-9)


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0, 1000))
def test_more_errors_never_help(fewer: int, more: int, seconds: float) -> None:
    few, many = sorted((fewer, more))
    order = [Action.PROMOTE, Action.CONTINUE, Action.ROLL_BACK]
    first, second = (decide(observed(side(200, n)), SETTINGS, seconds) for n in (few, many))
    assert order.index(first.action) <= order.index(second.action)


@given(
    st.builds(Side, st.integers(0, 500), st.just(0), st.lists(st.floats(1, 1e4)).map(tuple)),
    st.integers(0, 500),
    st.floats(0, 1000),
)
def test_too_little_is_never_promoted(challenger: Side, compared: int, seconds: float) -> None:
    decision = decide(observed(challenger, compared), SETTINGS, seconds)
    is_too_little = min(challenger.requests, compared) < SETTINGS.minimum_requests
    assert not (is_too_little and decision.action is Action.PROMOTE)
    assert decision.reasons or decision.action is Action.CONTINUE


@given(st.integers(0, 200), st.integers(0, 200), st.floats(1, 1e5))
def test_every_rollout_ends(errors: int, disagreed: int, milliseconds: float) -> None:
    seen = observed(side(200, errors, milliseconds), 200, disagreed)
    assert decide(seen, SETTINGS, SETTINGS.timeout).action is not Action.CONTINUE


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (observed(side(200, 20)), "20 of 200 answers were errors; 1 % may"),
        (observed(side(200, 0, 500)), "200 of 200 answers took longer than 200 ms; 5 % may"),
        (observed(side(200), 200, 40), "40 of 200 verdicts were others; 5 % may"),
    ],
)
def test_what_is_beyond_a_limit_goes_back_at_once(seen: Observation, reason: str) -> None:
    decision = decide(seen, SETTINGS, 0.0)
    assert (decision.action, decision.reasons) == (Action.ROLL_BACK, (reason,))


def test_few_errors_may_be_chance_and_are_waited_for() -> None:
    seen = observed(side(60, 1))
    assert decide(seen, SETTINGS, LONG).action is Action.CONTINUE
    late = decide(seen, SETTINGS, SETTINGS.timeout)
    assert late.action is Action.ROLL_BACK
    assert late.reasons[1] == "1 of 60 answers were errors; 1 % may"


def test_what_is_within_goes_on_once_its_time_is_over() -> None:
    seen = observed(side(200, 0, 110), 200, 3)
    assert decide(seen, SETTINGS, 1.0).action is Action.CONTINUE
    assert decide(seen, SETTINGS, LONG).action is Action.PROMOTE


@pytest.mark.parametrize("steps", [(), (0.5, 0.2), (0.0,), (1.5,), (0.2, 0.2)])
def test_steps_that_do_not_rise_are_refused(steps: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="steps are shares above 0"):
        RolloutSettings(steps=steps)
