"""Who labels against the others and against the model, far beyond chance.

What a labeller says of an image is compared with two expectations: the model's calibrated score,
and what the other labellers say of images with a like score, meanwhile if that is enough. Where
the model goes wrong, all labellers contradict it alike, and nobody is set aside; where one
contradicts both, that is no drift. Votes of others on the same pixels stand in the place of a
score. Sums of independent votes of unequal chances follow the Poisson binomial distribution, of
which tails are computed exactly; all of a labeller's votes are tested, and each run of `_RUN`, so
that a sudden change shows; all tests are corrected together (Bonferroni). The worst is set aside
first, and the others are compared anew without it, or one poisoner would make honest colleagues
look odd.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from assay.label_intake.ledger import IntakeSettings, Quarantined

_RUN = 24
_DOUBT = 0.05
"""Least chance of either answer: scores and colleagues are never quite right."""
_PRIOR_VOTES = 2.0
"""Votes that the model's own score counts among those of others."""
_BANDWIDTH = 0.4
"""How like scores are, log-odds: the deviation of a Gaussian kernel."""
_GRID = np.linspace(np.log(_DOUBT / (1 - _DOUBT)), np.log((1 - _DOUBT) / _DOUBT), 61)
_KERNEL = np.exp(-0.5 * ((_GRID[:, None] - _GRID[None, :]) / _BANDWIDTH) ** 2)

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """One labeller's word on one picture; near-duplicates are one picture."""

    who: str
    at: datetime
    is_positive: bool
    """Not authentic."""
    score: float
    """The model's, 0..1."""
    others: float | None
    """Share of the others who labelled the same pixels that say "not authentic"; None for none."""


def find(said: Sequence[Said], settings: IntakeSettings) -> list[Quarantined]:
    """The labellers to set aside, the worst first; nobody who is alone or has labelled little."""
    found: list[Quarantined] = []
    while worst := _worst(said, settings):
        found.append(worst)
        said = [one for one in said if one.who != worst.who]
    return found


def poisson_binomial(chances: _Floats) -> _Floats:
    """Probabilities ``[n + 1]`` of 0..n successes in trials with these ``chances`` ``[n]``."""
    masses = np.ones(1)
    for chance in chances:
        masses = np.append(masses * (1 - chance), 0.0) + np.append(0.0, masses * chance)
    return masses


def _worst(said: Sequence[Said], settings: IntakeSettings) -> Quarantined | None:
    """Whoever contradicts most, if it is beyond the limits."""
    votes: dict[str, list[Said]] = defaultdict(list)
    for one in sorted(said, key=lambda one: one.at):
        votes[one.who].append(one)
    tested = [
        own
        for own in votes.values()
        if min(len(own), len(said) - len(own)) >= settings.quarantine_labels
        and own[0].who not in settings.trusted
    ]
    tests = sum(len(list(_runs(own))) for own in tested)
    flagrant = [
        one
        for own in tested
        for run in _runs(own)
        for one in _tested(run, _counted(_others(said, run)), tests)
        if one.p <= settings.quarantine_alpha
        and one.observed - one.expected >= settings.quarantine_excess * one.labels
    ]
    return min(flagrant, key=lambda one: (one.p, one.who), default=None)


def _others(said: Sequence[Said], run: Sequence[Said]) -> list[Said]:
    """What others said while ``run`` was said; what they ever said where that is too little.

    Of images of last week, before a new manipulation came, the same scores told something else.
    """
    others = [one for one in said if one.who != run[0].who]
    meanwhile = [one for one in others if run[0].at <= one.at <= run[-1].at]
    return meanwhile if len(meanwhile) >= _RUN else others


def _runs(own: Sequence[Said]) -> Iterator[Sequence[Said]]:
    """All of a labeller's votes, and consecutive runs of them where there are several."""
    yield own
    if len(own) >= 2 * _RUN:
        starts = range(0, len(own) - _RUN + 1, _RUN)
        for start in starts:
            yield own[start : start + _RUN if start != starts[-1] else None]


def _tested(run: Sequence[Said], others: _Floats, tests: int) -> Iterator[Quarantined]:
    """The patterns of one run, each against the kinder of the two expectations."""
    places = _places(run)
    model = 1 / (1 + np.exp(-_GRID))
    votes = others @ _KERNEL
    colleagues = (votes[0] + _PRIOR_VOTES * model) / (votes[1] + _PRIOR_VOTES)
    both = [_patterns(run, curve[places]) for curve in (model, colleagues)]
    for name in both[0]:
        p, expected, observed = max((found[name] for found in both), key=lambda one: one[0])
        yield Quarantined(
            who=run[0].who,
            labels=len(run),
            expected=expected,
            observed=observed,
            p=min(1.0, p * len(both[0]) * tests),
            pattern=name,
        )


def _patterns(run: Sequence[Said], scores: _Floats) -> Mapping[str, tuple[float, float, int]]:
    """Chance of as many or more, expected and observed number, by what is counted."""
    others = np.array([np.nan if one.others is None else one.others for one in run])
    chances = np.clip(np.where(np.isnan(others), scores, others), _DOUBT, 1 - _DOUBT)
    positive = np.array([one.is_positive for one in run])
    against = np.where(chances > 0.5, ~positive, positive)
    counted = {
        "not authentic": (chances, positive),
        "authentic": (1 - chances, ~positive),
        "contradictions": (np.minimum(chances, 1 - chances), against),
    }
    return {name: _tail(*pair) for name, pair in counted.items()}


def _tail(chances: _Floats, hits: npt.NDArray[np.bool_]) -> tuple[float, float, int]:
    observed = int(hits.sum())
    return float(poisson_binomial(chances)[observed:].sum()), float(chances.sum()), observed


def _counted(said: Sequence[Said]) -> _Floats:
    """Votes by score: "not authentic", and all, ``[2, grid]``."""
    places = _places(said)
    positive = np.array([one.is_positive for one in said], np.float64)
    return np.stack([
        np.bincount(places, positive, len(_GRID)), np.bincount(places, None, len(_GRID)),
    ]).astype(np.float64)  # fmt: skip


def _places(said: Sequence[Said]) -> npt.NDArray[np.intp]:
    """Where on the grid of log-odds each score lies."""
    scores = np.clip([one.score for one in said], _DOUBT, 1 - _DOUBT)
    odds = np.log(scores) - np.log1p(-scores)
    return np.asarray(np.rint((odds - _GRID[0]) / (_GRID[1] - _GRID[0])), np.intp)
