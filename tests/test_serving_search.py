"""The choice among ways to serve: the limits hold, the order does not matter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import WorkerLost
from assay.serving_plan import Trial
from assay.serving_search import (
    BASELINE,
    Limits,
    Objective,
    OptimiseSettings,
    broken,
    gain,
    search,
)
from assay.serving_strategies import chosen
from tests.serving_plans import figures

CHOICES = (
    "batch_size=4",
    "batch_size=8",
    "bf16",
    "evidence_workers=1",
    "fp16",
    "instances=2",
    "pixels=50",
    "prefix_cache",
    "unmerged_adapter",
)


class World:
    """A machine on which every choice multiplies speed and adds to drop and flips."""

    def __init__(self, effects: dict[str, tuple[float, float, float]], memory: float = 500) -> None:
        self._effects, self._memory = effects, memory
        self.asked: list[tuple[str, ...]] = []

    def measure(self, choices: Sequence[str], whole: bool) -> Trial:
        self.asked.append(tuple(choices))
        speed, drop, flips = 1.0, 0.0, 0.0
        for choice in choices:
            effect = self._effects.get(choice, (1.0, 0.0, 0.0))
            if effect[0] == 0:
                return Trial(choices=tuple(choices), reason="it crashed")
            speed, drop, flips = speed * effect[0], drop + effect[1], flips + effect[2]
        measured = figures(
            speed,
            1 / speed,
            speed if whole else None,
            memory=self._memory,
            auc=max(0.0, 0.9 - drop),
            flips=min(1.0, flips),
        )
        return Trial(choices=tuple(choices), figures=measured)


effect = st.tuples(
    st.sampled_from([0.0, 0.5, 1.0, 1.2, 2.0, 3.0]),
    st.sampled_from([-0.01, 0.0, 0.003, 0.006]),
    st.sampled_from([0.0, 0.004, 0.008, 0.02]),
)
worlds = st.fixed_dictionaries(dict.fromkeys(CHOICES, effect))


@settings(max_examples=150, deadline=None)
@given(worlds, st.sampled_from(list(Objective)))
def test_limits_always_hold(effects: dict[str, tuple[float, float, float]], objective: Objective):
    asked = OptimiseSettings(objective=objective)
    found = search(World(effects).measure, asked, CHOICES)
    assert found.best.figures is not None
    assert broken(found.best.figures, found.baseline, asked.limits) == []
    assert gain(found.best.figures, found.baseline, asked) >= 1
    assert found.best.figures.end_to_end is not None


@settings(max_examples=60, deadline=None)
@given(worlds, st.permutations(CHOICES))
def test_order_says_nothing(
    effects: dict[str, tuple[float, float, float]], permuted: Sequence[str]
):
    first = search(World(effects).measure, OptimiseSettings(), CHOICES)
    assert search(World(effects).measure, OptimiseSettings(), permuted) == first


@settings(max_examples=60, deadline=None)
@given(worlds)
def test_every_choice_has_a_place_and_a_reason(effects: dict[str, tuple[float, float, float]]):
    found = search(World(effects).measure, OptimiseSettings(), CHOICES)
    said = "\n".join(found.reasons)
    assert all(choice in said for choice in CHOICES)
    kinds = [chosen(choice)[0].kind for choice in found.best.choices]
    assert len(set(kinds)) == len(kinds)
    beside = [t for t in found.trials if not set(t.choices) - {"fp32"} <= set(found.best.choices)]
    assert all(trial.reason for trial in beside)


def test_best_of_each_kind_are_taken_together():
    world = World({"bf16": (1.5, 0, 0), "fp16": (1.2, 0, 0), "batch_size=8": (2.0, 0, 0)})
    found = search(world.measure, OptimiseSettings(), CHOICES)
    assert found.best.choices == ("batch_size=8", "bf16")
    assert found.reasons[2].startswith("together, batch_size=8 + bf16: 3.00 times the images/s")
    assert "fp16 left out: batch_size=8 + bf16 is better" in found.reasons


def test_choices_that_are_good_alone_may_be_too_much_together():
    world = World({"bf16": (1.5, 0.004, 0), "prefix_cache": (1.3, 0.004, 0)})
    found = search(world.measure, OptimiseSettings(), ["bf16", "prefix_cache"])
    assert found.best.choices == ("bf16",)
    assert found.trials[-1].reason == "AUC falls by 0.0080 (limit 0.0050)"


def test_nothing_better_is_the_baseline_with_a_sentence():
    found = search(World({}).measure, OptimiseSettings(), CHOICES)
    assert found.best.choices == BASELINE
    assert found.reasons[0] == "nothing that was tried is better than fp32 within the limits"


def test_baseline_beyond_a_limit_says_so():
    limits = Limits(peak_memory=100)
    found = search(World({}, memory=200).measure, OptimiseSettings(limits=limits), ["bf16"])
    assert found.best.choices == BASELINE
    assert "peak memory in MB 200 (limit 100)" in found.reasons[0]


def test_model_that_cannot_be_measured_at_all_is_an_error():
    with pytest.raises(WorkerLost, match="it crashed"):
        search(World({"fp32": (0, 0, 0)}).measure, OptimiseSettings(), CHOICES)


def test_evidence_workers_are_judged_from_bytes_to_verdict():
    world = World({"evidence_workers=1": (1.5, 0, 0), "batch_size=8": (2.0, 0, 0)})
    found = search(world.measure, OptimiseSettings(), CHOICES)
    assert found.best.choices == ("batch_size=8", "evidence_workers=1", "fp32")


def test_number_of_trials_together_is_bounded():
    effects = dict.fromkeys(CHOICES, (1.5, 0.0, 0.0))
    world = World(effects)
    search(world.measure, OptimiseSettings(together=1), CHOICES)
    together = {choices for choices in world.asked if len(set(choices) - {"fp32"}) > 1}
    assert len(together) <= 2  # one of the model stage, one of the whole way


def test_weights_of_the_objective_have_to_count_something():
    with pytest.raises(ValueError, match="one of them has to count"):
        OptimiseSettings.model_validate({"weights": {"latency": 0, "throughput": 0}})
