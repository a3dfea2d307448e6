"""Who labels against the others and against the model, far beyond chance.

What a labeller says of an image is compared with two expectations: the model's calibrated score,
and that score moved by as much as the other labellers differ from it. Where the model goes wrong,
all labellers contradict it alike, and nobody is set aside; where one contradicts both, that is no
drift. Votes of others on the same pixels stand in the place of a score. Sums of independent votes
of unequal chances follow the Poisson binomial distribution, of which tails are computed exactly;
all of a labeller's votes are tested, and each run of `_RUN`, so that a sudden change shows; all
tests are corrected together (Bonferroni).
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
_OFFSET_DOUBT = 2.0
"""How far others may differ from the model, log-odds (deviation of a Gaussian prior)."""
_STEPS = 50

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
    """The labellers to set aside, by name; nobody who is alone, trusted, or labelled little."""
    votes: dict[str, list[Said]] = defaultdict(list)
    for one in sorted(said, key=lambda one: one.at):
        votes[one.who].append(one)
    tested = {
        who: own
        for who, own in sorted(votes.items())
        if min(len(own), len(said) - len(own)) >= settings.quarantine_labels
        and who not in settings.trusted
    }
    tests = sum(3 * len(list(_runs(own))) for own in tested.values())
    offsets = {who: _offset([one for one in said if one.who != who]) for who in tested}
    worst = (_worst(own, offsets[who], tests) for who, own in tested.items())
    return [one for one in worst if _is_flagrant(one, settings)]


def poisson_binomial(chances: _Floats) -> _Floats:
    """Probabilities ``[n + 1]`` of 0..n successes in trials with these ``chances`` ``[n]``."""
    masses = np.ones(1)
    for chance in chances:
        masses = np.append(masses * (1 - chance), 0.0) + np.append(0.0, masses * chance)
    return masses


def _runs(own: Sequence[Said]) -> Iterator[Sequence[Said]]:
    """All of a labeller's votes, and consecutive runs of them where there are several."""
    yield own
    if len(own) >= 2 * _RUN:
        starts = range(0, len(own) - _RUN + 1, _RUN)
        for start in starts:
            yield own[start : start + _RUN if start != starts[-1] else None]


def _worst(own: Sequence[Said], offset: float, tests: int) -> Quarantined:
    found = (one for run in _runs(own) for one in _tested(run, offset, tests))
    return min(found, key=lambda one: (one.p, -abs(one.observed - one.expected)))


def _tested(run: Sequence[Said], offset: float, tests: int) -> Iterator[Quarantined]:
    """The three patterns of one run, each against the kinder of the two expectations."""
    both = [_patterns(run, by) for by in (0.0, offset)]
    for name in both[0]:
        p, expected, observed = max((found[name] for found in both), key=lambda one: one[0])
        yield Quarantined(
            who=run[0].who,
            labels=len(run),
            expected=expected,
            observed=observed,
            p=min(1.0, p * tests),
            pattern=name,
        )


def _patterns(run: Sequence[Said], offset: float) -> Mapping[str, tuple[float, float, int]]:
    """Chance of as many or more, expected and observed number, by what is counted."""
    chances = _expected(run, offset)
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


def _expected(run: Sequence[Said], offset: float) -> _Floats:
    """The chance of "not authentic" for each vote ``[n]``."""
    scores = _logistic(_log_odds(run) + offset)
    others = np.array([np.nan if one.others is None else one.others for one in run])
    return np.clip(np.where(np.isnan(others), scores, others), _DOUBT, 1 - _DOUBT)


def _offset(others: Sequence[Said]) -> float:
    """By how much the others' labels differ from the scores, log-odds: a posterior mode."""
    odds = _log_odds(others)
    positive = np.array([one.is_positive for one in others], np.float64)
    offset = 0.0
    for _ in range(_STEPS):
        chances = _logistic(odds + offset)
        slope = float((positive - chances).sum()) - offset / _OFFSET_DOUBT**2
        step = slope / (float((chances * (1 - chances)).sum()) + 1 / _OFFSET_DOUBT**2)
        offset += float(np.clip(step, -1, 1))
        if abs(step) < 1e-6:
            break
    return offset


def _log_odds(said: Sequence[Said]) -> _Floats:
    scores = np.clip([one.score for one in said], _DOUBT, 1 - _DOUBT)
    return np.asarray(np.log(scores) - np.log1p(-scores), np.float64)


def _logistic(odds: _Floats) -> _Floats:
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def _is_flagrant(one: Quarantined, settings: IntakeSettings) -> bool:
    excess = (one.observed - one.expected) / one.labels
    return one.p <= settings.quarantine_alpha and excess >= settings.quarantine_excess
