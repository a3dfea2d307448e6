"""What the service saves a platform: people's time, and reports of what users were not shown.

Reports avoided are those that users would have made of the images that they were told about at
once, had these gone unnoticed as others did: the captures that are not authentic and were told of,
times the reports that one brings that was not told of, less the reports that came all the same.
Both numbers of captures are estimated from labels that came by design (post-stratified, as in
`assay.monitoring.design`). An image that is found is taken to bring as many reports as one that is
missed would, which a platform should doubt whose found images are seen by fewer people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.metrics import COVERAGE, Floats
from assay.monitoring.performance_numbers import Figure
from assay.store.outcomes import Outcome

LEAST_REPORTS = 5
"""Of images that users were not told about, below which nothing is estimated from them."""

_DRAWS, _SEED = 2000, 0
_PRIOR = 0.5
"""Jeffreys' (1946), for shares and for rates."""


@dataclass(frozen=True, slots=True)
class Business:
    """Shares of captures, None where there are none; and what users did not have to report."""

    auto_cleared: float | None
    """Called authentic without a person."""
    sent_to_review: float | None
    """Put before people: for their score, or drawn at random."""
    reports_avoided: Figure | None
    """None where too few reports or labels tell."""


def business(outcomes: Sequence[Outcome]) -> Business:
    """The figures of ``outcomes``."""
    captures = sum(one.captures for one in outcomes)
    if not captures:
        return Business(None, None, None)
    cleared = sum(o.captures - o.selected for o in outcomes if not o.is_flagged)
    selected = sum(one.selected for one in outcomes)
    return Business(cleared / captures, selected / captures, reports_avoided(outcomes))


def reports_avoided(outcomes: Sequence[Outcome]) -> Figure | None:
    """How many reports the automatic notices have saved, as this module estimates it."""
    told, untold = ([o for o in outcomes if o.is_told is is_told] for is_told in (True, False))
    reports = sum(one.reports for one in untold)
    is_labelled = all(any(one.labelled for one in of) for of in (told, untold))
    if reports < LEAST_REPORTS or not is_labelled:
        return None
    rng = np.random.default_rng(_SEED)
    rate = rng.gamma(reports + _PRIOR, size=_DRAWS) / _positive(untold, rng)
    drawn = _positive(told, rng) * rate - sum(one.reports for one in told)
    low, value, high = np.quantile(drawn, [(1 - COVERAGE) / 2, 0.5, (1 + COVERAGE) / 2])
    labelled = sum(one.labelled for one in outcomes)
    return Figure(value=value, low=low, high=high, n=labelled, groups=labelled)


def _positive(outcomes: Sequence[Outcome], rng: np.random.Generator) -> Floats:
    """How many captures of ``outcomes`` are not authentic, as often drawn as `_DRAWS`."""
    total = np.zeros(_DRAWS)
    for needs_review in (True, False):
        of = [one for one in outcomes if one.needs_review is needs_review]
        captures, labelled, positive = np.sum(
            [(0, 0, 0), *((one.captures, one.labelled, one.positive) for one in of)], axis=0
        )
        total += captures * rng.beta(positive + _PRIOR, labelled - positive + _PRIOR, _DRAWS)
    return total
