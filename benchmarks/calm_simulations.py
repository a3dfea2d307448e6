"""Does the loop leave a calm platform alone: ten seeded runs over traffic that was really served.

    python run.py --pipeline simulate --set simulation.name=calm --set simulation.change=false
    python -m benchmarks.calm_simulations

Captures of the simulation ``calm`` (`ASSAY_CALM` names another), with their evidence, verdicts and
votes, are drawn into weeks anew by each seed; monitor and decision look at each week as the loop
has them do, with their own defaults. Drawing is with replacement, each draw a picture of its own.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from assay import home
from assay.errors import ConfigError
from assay.monitoring.decision import Action, decide
from assay.monitoring.frame import one_each, window_frame
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings
from assay.simulation.platform import Platform
from benchmarks.figures import Figure, report
from benchmarks.monitor_decisions import numbers

if TYPE_CHECKING:
    import pandas as pd

RUNS, WEEKS = 10, 10
IMAGES, REFERENCE = 200, 400
"""Of a week, and of what it is compared with."""
_LEARNS = {Action.RETRAIN, Action.RECALIBRATE}


def served() -> pd.DataFrame:
    """What the newest model has answered; raises `ConfigError` where there are no captures."""
    state = home.folder("simulations") / os.environ.get("ASSAY_CALM", "calm") / "state"
    if not state.is_dir():
        raise ConfigError(f"there is no {state}; play it first, as the head of this module says")
    with Platform(state, 0.0).store() as store:
        newest = window_frame(store, limit=1)["model_version"].iloc[0]
        return one_each(window_frame(store, model_version=newest))


def drawn(table: pd.DataFrame, rng: np.random.Generator, count: int) -> pd.DataFrame:
    """``count`` rows of ``table``, each a picture of its own."""
    rows = table.iloc[rng.integers(len(table), size=count)].reset_index(drop=True)
    return rows.assign(group=np.arange(count))


def run(table: pd.DataFrame, seed: int) -> tuple[list[Action], float]:
    """What was decided in each week, and the share of weeks in which a column drifted."""
    rng = np.random.default_rng(seed)
    reference = drawn(table, rng, REFERENCE)
    past: list[WindowNumbers] = []
    actions: list[Action] = []
    for week in range(WEEKS):
        past.append(numbers(reference, drawn(table, rng, IMAGES), week))
        actions.append(decide(past, DecisionSettings(), actions).action)
    return actions, float(np.mean([bool(one.drifted) for one in past]))


def figures() -> list[Figure]:
    """All runs."""
    table = served()
    runs = [run(table, seed) for seed in range(RUNS)]
    actions = Counter(action for decided, _ in runs for action in decided)
    learn = sum(bool(_LEARNS & set(decided)) for decided, _ in runs)
    weeks = RUNS * WEEKS
    noticed = 100 * float(np.mean([share for _, share in runs]))
    return [
        Figure("calm simulation: captures that weeks are drawn from", len(table), "captures"),
        Figure(f"{RUNS} calm runs of {WEEKS} weeks that learn", learn, "runs", at_most=0),
        Figure("weeks with drift", noticed, "%", at_most=5),
        Figure("weeks that page a person", 100 * actions[Action.PAGE] / weeks, "%", at_most=5),
    ]


if __name__ == "__main__":
    sys.exit(report(figures))
