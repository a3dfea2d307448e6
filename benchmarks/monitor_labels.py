"""How often the intervals of estimated performance hold the truth, though people see a biased part.

    python -m benchmarks.monitor_labels

Windows of `benchmarks.synthetic_windows`, of which people see the review band and a random share of
the rest. Beside the estimates by design stand those that take the labels for a random sample.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from assay.metrics import Weighted
from assay.monitoring.performance import AGREEMENT, METRICS, measure
from assay.monitoring.performance_numbers import Performance
from assay.monitoring.settings import PerformanceSettings
from assay.records import Label
from benchmarks.figures import Figure, report
from benchmarks.synthetic_windows import World, window

WORLDS = 200
CASES = {
    "2,000 captures, 5 % audits": (2000, World()),
    "500 captures, 10 % audits": (500, World(audit_share=0.10)),
    "2,000 captures, 2 % audits": (2000, World(audit_share=0.02)),
    "a fifth is new, 5 % audits": (2000, World(new_trick=0.2)),
    "half decided, in order, 5 % audits": (2000, World(decided=0.5, in_order=True)),
}
LEAST = 0.90
"""Coverage of a 95 % interval below which it is called broken."""

_TRUTH_OF = 400_000


def truth(world: World) -> dict[str, float]:
    """The figures of so much traffic that chance plays no part."""
    frame = window(np.random.default_rng(0), _TRUTH_OF, world).sort_values("score")
    positive = (frame["truth"] != Label.AUTHENTIC.value).to_numpy(bool)
    flagged = (frame["label"] != Label.AUTHENTIC.value).to_numpy(bool)
    threshold = np.where(flagged, -1.0, 2.0)
    ones = np.ones((1, len(frame)))
    data = Weighted(frame["score"].to_numpy(float), positive, ones, threshold)
    found = {name: float(metric(data)[0]) for name, metric in METRICS.items()}
    return found | {AGREEMENT: float((frame["label"] == frame["truth"]).mean())}


def covered(captures: int, world: World, worlds: int) -> dict[str, dict[str, tuple[float, ...]]]:
    """By rule and metric: coverage, mean of the estimates, truth, mean width, share measured."""
    settings, true = PerformanceSettings(least_labels=20, least_of_class=2), truth(world)
    found: dict[str, list[Performance | None]] = {"by design": [], "as if random": []}
    for seed in range(worlds):
        frame = window(np.random.default_rng(seed + 1), captures, world)
        frame["client"] = frame["stratum"] = ""
        found["by design"].append(measure(frame, settings))
        labelled = frame[frame["human_label"].notna()]
        found["as if random"].append(measure(labelled.assign(weight=1.0), settings))
    return {rule: _summary(of, true) for rule, of in found.items()}


def _summary(
    found: list[Performance | None], true: Mapping[str, float]
) -> dict[str, tuple[float, ...]]:
    summary = {}
    for name, value in true.items():
        known = [one.figures[name] for one in found if one and name in one.figures]
        holds = np.mean([one.low <= value <= one.high for one in known])
        centre = np.mean([one.value for one in known])
        width = np.mean([one.high - one.low for one in known])
        summary[name] = (holds, centre, value, width, len(known) / len(found))
    return summary


def figures() -> Iterator[Figure]:
    """Coverage of each metric in each case; a target for what follows the design."""
    for case, (captures, world) in CASES.items():
        sys.stderr.write(f"{case} ...\n")
        for rule, by_metric in covered(captures, world, WORLDS).items():
            for name, (holds, centre, value, width, _) in by_metric.items():
                words = f"{case}, {rule}: {name} {value:.3f}, mean {centre:.3f}, width {width:.3f}"
                least = LEAST if rule == "by design" else None
                yield Figure(words, float(holds), "coverage", at_least=least)


if __name__ == "__main__":
    measured: Callable[[], list[Figure]] = lambda: list(figures())  # noqa: E731
    sys.exit(report(measured))
