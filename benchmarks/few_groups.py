"""How often two equal models differ "significantly", and how often an AUC lies in its interval.

    python -m benchmarks.few_groups

Simulated photographs with effects like those of the bundled ones (decision 0035): each has a
difficulty of its own, each model is better on some than the other, and scores within a photograph
share a level and a scale. Some minutes on one core, so `python -m benchmarks` leaves it out.
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from assay.metrics import COVERAGE, Bools, Bootstrap, Floats, Weighted, interval, roc_auc
from assay.progress import bar

GROUPS = (3, 4, 6, 12, 30)
WORLDS = 400
IMAGES = 1380
DISAGREEMENT = (0.0, 0.15, 0.3)
"""Standard deviation of a model's own luck with a photograph, in deviations of the noise."""

_SEPARATION, _DIFFICULTY = 0.4, 0.35
_LEVEL, _OWN_LEVEL = 0.3, 0.15
_SHARED_NOISE = 0.7
_TRUTH_GROUPS = 3000


def main() -> None:
    """Simulate and print one row for each number of photographs."""
    table = Table("photographs", "disagreement", "rule", "false positives", "AUC in its interval")
    with bar() as progress:
        for done, disagreement in enumerate(DISAGREEMENT):
            truth = _truth(disagreement)
            for groups in GROUPS:
                progress(done * len(GROUPS), len(DISAGREEMENT) * len(GROUPS), "simulating")
                for rule, (false, covered) in _rates(groups, disagreement, truth).items():
                    row = (f"{groups}", f"{disagreement:g}", rule, f"{false:.1%}", f"{covered:.1%}")
                    table.add_row(*row)
    Console(width=100).print(table)


def two_equal_models(
    rng: np.random.Generator, groups: int, images: int, disagreement: float
) -> tuple[Floats, Floats, Bools, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Scores of both ``[n]``, which are better than the other only by chance, truth and groups."""
    index = np.repeat(np.arange(groups), images // groups)
    positive = np.arange(len(index)) % 2 == 0
    difficulty, scale = rng.normal(0, _DIFFICULTY, groups), rng.lognormal(-0.2, 0.5, groups)
    level, noise = rng.normal(0, _LEVEL, groups), rng.normal(0, 1, len(index))
    models = []
    for _ in range(2):
        separation = _SEPARATION + difficulty + rng.normal(0, disagreement, groups)
        own = rng.normal(0, np.sqrt(1 - _SHARED_NOISE), len(index))
        evidence = separation[index] * positive + np.sqrt(_SHARED_NOISE) * noise + own
        shift = level + rng.normal(0, _OWN_LEVEL, groups)
        models.append(scale[index] * evidence + shift[index])
    return models[0], models[1], positive, index


def _rates(groups: int, disagreement: float, truth: float) -> dict[str, tuple[float, float]]:
    """False positives and coverage by rule, over `WORLDS` simulated test sets."""
    rng, found = np.random.default_rng(groups), []
    for _ in range(WORLDS):
        first, second, positive, index = two_equal_models(rng, groups, IMAGES, disagreement)
        one, other = (_aucs(scores, positive, index) for scores in (first, second))
        pairs = [_percentiles(rows) for rows in (other - one, one)]
        pairs += [_students(rows, groups) for rows in (other - one, one)]
        truths = (0.0, truth) * 2
        found.append([low <= t <= high for (low, high), t in zip(pairs, truths, strict=True)])
    shares = np.mean(found, axis=0)
    return {
        "percentiles": (1 - shares[0], shares[1]),
        "Student's t": (1 - shares[2], shares[3]),
    }


def _aucs(scores: Floats, positive: Bools, index: np.ndarray) -> Floats:  # type: ignore[type-arg]
    order = np.argsort(scores)
    rows = [
        roc_auc(Weighted(scores[order], positive[order], weights[:, order], 0.0))
        for weights in Bootstrap(500).weights(index)
    ]
    return np.concatenate(rows)


def _percentiles(rows: Floats) -> tuple[float, float]:
    low, high = np.quantile(rows[1:], [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


def _students(rows: Floats, groups: int) -> tuple[float, float]:
    metric = interval(rows, 0, groups, lowest=-1.0)
    return (-np.inf, np.inf) if metric is None else (metric.low, metric.high)


def _truth(disagreement: float) -> float:
    """The AUC that a model has over all photographs there could be."""
    rng = np.random.default_rng(0)
    scores, _, positive, index = two_equal_models(
        rng, _TRUTH_GROUPS, 60 * _TRUTH_GROUPS, disagreement
    )
    order = np.argsort(scores)
    once = np.ones((1, len(index)))
    return float(roc_auc(Weighted(scores[order], positive[order], once, 0.0))[0])


if __name__ == "__main__":
    main()
