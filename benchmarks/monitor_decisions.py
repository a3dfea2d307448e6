"""How often the monitor acts where nothing changed, and how soon where something did.

    python -m benchmarks.monitor_decisions

Streams of `benchmarks.synthetic_windows` in windows of 500 captures, against the first 1,000: tests
for drift, estimates from labels, and the decision, as the pipeline `monitor` makes them. A change
comes after four calm windows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from assay.monitoring import drift
from assay.monitoring.decision import Action, decide
from assay.monitoring.frame import one_each
from assay.monitoring.late_labels import judged
from assay.monitoring.numbers import Reference, ReferenceKind, WindowNumbers
from assay.monitoring.settings import DecisionSettings, DriftSettings, PerformanceSettings
from benchmarks.figures import Figure, report
from benchmarks.synthetic_windows import World, window

if TYPE_CHECKING:
    import pandas as pd

CAPTURES, REFERENCE = 500, 1000
"""Of a window, and of what it is compared with."""
CALM, CHANGED = 4, 8
"""Windows before the change, and after it."""
RUNS = 40
AUDITS = (0.02, 0.10)
"""Share of all captures that people see, whatever the verdict."""

_START = datetime(2026, 1, 1, tzinfo=UTC)
_REFERENCE = Reference(kind=ReferenceKind.FIRST_CAPTURES, captures=REFERENCE, groups=REFERENCE)


_LEARNING = {Action.RETRAIN, Action.RECALIBRATE}


@dataclass(frozen=True, slots=True)
class Stream:
    """What the monitor made of one stream, window by window, until the model would be another."""

    noticed: Sequence[bool]
    """Whether anything drifted in the window."""
    actions: Sequence[Action]

    def delay(self, wanted: Sequence[Action]) -> float:
        """Captures from the change to the first such action; infinite where there was none."""
        for count, action in enumerate(self.actions[CALM:], 1):
            if action in wanted:
                return count * CAPTURES
        return float("inf")


def stream(seed: int, world: World, changed: World, windows: int = CALM + CHANGED) -> Stream:
    """The windows of one stream, of which those after the first `CALM` are of ``changed``."""
    rng = np.random.default_rng(seed)
    reference = one_each(window(rng, REFERENCE, world))
    past: list[WindowNumbers] = []
    actions: list[Action] = []
    for count in range(windows):
        if _LEARNING & set(actions):
            break
        frame = window(rng, CAPTURES, world if count < CALM else changed)
        past.append(numbers(reference, frame, count))
        actions.append(decide(past, DecisionSettings(), actions).action)
    return Stream([bool(one.drifted) for one in past], actions)


def numbers(reference: pd.DataFrame, frame: pd.DataFrame, count: int) -> WindowNumbers:
    """What the monitor measures of the window number ``count``, all labels being there."""
    since = _START + timedelta(days=count)
    found = WindowNumbers(
        model_version="1",
        since=since,
        until=since + timedelta(days=1),
        captures=len(frame),
        groups=frame["group"].nunique(),
        is_enough=True,
        reference=_REFERENCE,
        drift=drift.measure(reference, frame, DriftSettings()),
    )
    whole = frame.assign(client="", stratum="")  # no slices, which no decision reads
    return judged(found, whole, PerformanceSettings(resamples=200))


def calm(audit_share: float) -> Iterator[Figure]:
    """False alarms where nothing changes; drift by itself alarms nobody."""
    world = World(audit_share=audit_share)
    found = [stream(seed, world, world) for seed in range(RUNS)]
    noticed = np.mean([any_drift for one in found for any_drift in one.noticed])
    actions = [action for one in found for action in one.actions]
    acted = np.mean([action is not Action.NONE for action in actions])
    learnt = np.mean([bool(_LEARNING & set(one.actions)) for one in found])
    name = f"calm, {audit_share:.0%} audits"
    yield Figure(f"{name}: windows with drift", 100 * float(noticed), "%")
    yield Figure(f"{name}: windows with any action", 100 * float(acted), "%", at_most=5)
    yield Figure(f"{name}: streams of 12 windows that learn", 100 * float(learnt), "%", at_most=5)


CHANGES = {
    "a new manipulation, 20 % of traffic": {"new_trick": 0.2},
    "a fifth recompressed hard": {"low_quality": 0.2},
    "a fifth looks different, harmlessly": {"harmless": 0.2},
    "all scores shifted": {"shift": 1.0},
}


def change(name: str, audit_share: float) -> Iterator[Figure]:
    """How soon each action comes after the change ``name``, and in how many runs."""
    before = World(audit_share=audit_share)
    after = World(audit_share=audit_share, **CHANGES[name])
    found = [stream(seed, before, after) for seed in range(RUNS)]
    first = [any(one.noticed[CALM : CALM + 1]) for one in found]
    title = f"{name}, {audit_share:.0%} audits"
    yield Figure(
        f"{title}: drift noticed in 500 captures", 100 * float(np.mean(first)), "% of runs"
    )
    for action in (Action.RECALIBRATE, Action.RETRAIN, Action.PAGE):
        delays = [one.delay([action]) for one in found]
        reached = [delay for delay in delays if np.isfinite(delay)]
        share = 100 * len(reached) / RUNS
        middle = f", after {np.median(reached):,.0f} captures" if reached else ""
        yield Figure(f"{title}: {action.value}{middle}", share, "% of runs")


def figures() -> list[Figure]:
    """All of it."""
    found: list[Figure] = []
    for audit_share in AUDITS:
        sys.stderr.write(f"{audit_share:.0%} audits ...\n")
        found += calm(audit_share)
        for name in CHANGES:
            found += change(name, audit_share)
    return found


if __name__ == "__main__":
    sys.exit(report(figures))
