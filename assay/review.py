"""The review band: which scores are decided, how sure that is, and whether it held elsewhere.

Outside the band a share of at most ``bound`` of the decisions is wrong, with a confidence that is
stated, measured on labelled groups. Either side may exist without the other: a clone that was
found flags an image even where nothing clears one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.stats import binom

from assay import votes
from assay.metrics import Bools, Floats
from assay.settings import Settings
from assay.votes import Groups

MIN_CHECKED = 10
"""Decided groups below which a check of the bound says nothing."""


class ReviewSettings(Settings):
    """How many wrong decisions are tolerated, and how sure of that one wants to be."""

    bound: float = Field(0.10, gt=0, lt=0.5)
    """Share of wrong decisions among the images of a side that no person looks at."""
    confidence: float = Field(0.90, gt=0.5, lt=1)
    """That the share is not larger, for each side: one-sided Clopper-Pearson (1934)."""
    hear_model: bool = False
    """Whether the model's own word may count beside the evidence, where it earns its place.

    On a dataset that neither was trained on, the tiny model's lowered the AUC from .72 to .61.
    """


@dataclass(frozen=True, slots=True)
class Side:
    """What the labelled images decided on one side of the band show."""

    images: int
    groups: int
    errors: int
    """Groups' votes for "wrong", a share of its images each, added up and rounded up."""
    coverage: float
    """Share of all labelled images that is decided here."""
    limit: float
    """Upper limit of the error at the stated confidence; at most the bound."""


@dataclass(frozen=True, slots=True)
class Review:
    """What the band promises, and on what that rests."""

    bound: float
    confidence: float
    images: int
    groups: int
    clear: Side | None
    """Images called authentic; None where no such region was found."""
    flagged: Side | None
    """Images called manipulated or synthesized."""

    @property
    def coverage(self) -> float:
        """Share of the labelled images that are decided."""
        return sum(side.coverage for side in (self.clear, self.flagged) if side is not None)

    @property
    def statement(self) -> str:
        """The promise in one sentence for people."""
        measured = f"measured on {self.groups} labelled photographs"
        kept = {"not authentic": self.flagged, "authentic": self.clear}
        named = [name for name, side in kept.items() if side is not None]
        if not named:
            return (
                f"No score keeps the error at {self.bound:.0%} with {self.confidence:.0%} "
                f"confidence, {measured}: everything is handed to people."
            )
        only = f" (it only ever calls images {named[0]})" if len(named) == 1 else ""
        return (
            f"Outside the band at most {self.bound:.0%} errors{only}, {self.confidence:.0%} "
            f"confidence for each side, {measured}; {self.coverage:.0%} of their images decided."
        )


@dataclass(frozen=True, slots=True)
class Check:
    """How the decisions of one side fared on images that the band was not drawn on."""

    side: str
    """``clear`` or ``flagged``."""
    images: int
    groups: int
    errors: int
    error: float
    """Mean over groups of the share of wrong decisions; NaN where nothing is decided."""
    low: float
    high: float
    """95 % Clopper-Pearson interval of ``errors`` among ``groups``."""
    outcome: str
    """``held``, ``missed`` (an error above the bound) or ``too few``."""


def draw_band(
    scores: Floats, positive: Bools, groups: Groups, threshold: float, settings: ReviewSettings
) -> tuple[float, float, Review]:
    """The ends ``low <= threshold <= high`` of the band, and what is promised outside it.

    ``scores`` ``[n]`` in 0..1 below ``low`` are decided as authentic, above ``high`` as not;
    without a clear side ``low`` is 0, without a flagged one ``high`` is 1. Each end is found by
    fixed-sequence testing (Angelopoulos et al. 2021, "Learn then test"), see decision 0039.
    """
    above, flagged = _side(scores, ~positive, groups, scores > threshold, settings)
    below, clear = _side(-scores, positive, groups, scores < threshold, settings)
    high = 1.0 if flagged is None else max(threshold, _under(above, scores))
    low = 0.0 if clear is None else min(threshold, -_under(below, -scores))
    counts = len(scores), len(np.unique(groups))
    return low, high, Review(settings.bound, settings.confidence, *counts, clear, flagged)


def check(
    scores: Floats, positive: Bools, groups: Groups, band: tuple[float, float], bound: float
) -> tuple[Check, ...]:
    """Whether ``bound`` held on other images ``[n]``, for each side of ``band`` that exists."""
    low, high = band
    sides = {"clear": (scores < low, positive), "flagged": (scores > high, ~positive)}
    exists = {"clear": low > 0, "flagged": high < 1}
    return tuple(
        _checked(name, decided, wrong, groups, bound)
        for name, (decided, wrong) in sides.items()
        if exists[name]
    )


def _side(
    place: Floats, wrong: Bools, groups: Groups, eligible: Bools, settings: ReviewSettings
) -> tuple[float, Side | None]:
    """The last ``place`` that is decided, and what is known of those at or beyond it.

    The edges that are tried lie at ranks of groups that are fixed before any label is seen; the
    first at which the bound cannot be shown ends the search, so the search costs no confidence.
    """
    _, index = np.unique(groups, return_inverse=True)
    foremost = np.full(index.max(initial=-1) + 1, -np.inf)
    np.maximum.at(foremost, index[eligible], place[eligible])
    ordered = np.sort(foremost[np.isfinite(foremost)])[::-1]
    edge, best = np.inf, None
    for rank in ranks_tried(len(ordered), settings):
        tried = float(ordered[rank - 1])  # equal scores are decided alike: a tie comes in whole
        side = _measured(eligible & (place >= tried), wrong, groups, settings.confidence)
        if side.limit > settings.bound:
            break
        edge, best = tried, side
    return edge, best


def ranks_tried(n: int, settings: ReviewSettings) -> list[int]:
    """Numbers of groups from which one more error is allowed, up to ``n``, and ``n`` itself."""
    counts = np.arange(1, n + 1)
    allowed = binom.ppf(1 - settings.confidence, counts, settings.bound) - 1
    ranks = counts[np.diff(np.maximum.accumulate(allowed), prepend=-1) > 0].tolist()
    return ranks if not ranks or ranks[-1] == n else [*ranks, n]


def _measured(decided: Bools, wrong: Bools, groups: Groups, confidence: float) -> Side:
    given = votes.votes(wrong[decided], groups[decided])
    errors = votes.most(given)
    limit = votes.upper_limit(errors, len(given), confidence)
    return Side(int(decided.sum()), len(given), errors, float(decided.mean()), limit)


def _checked(name: str, decided: Bools, wrong: Bools, groups: Groups, bound: float) -> Check:
    given = votes.votes(wrong[decided], groups[decided])
    n, errors = len(given), votes.most(given)
    error = float(given.mean()) if n else float("nan")
    outcome = "too few" if n < MIN_CHECKED else "held" if error <= bound else "missed"
    low = votes.lower_limit(votes.fewest(given), n, votes.TAIL)
    high = votes.upper_limit(errors, n, votes.TAIL)
    return Check(name, int(decided.sum()), n, errors, error, low, high, outcome)


def _under(edge: float, places: Floats) -> float:
    """Midway between ``edge`` and the next lower place, so that no rounding moves an image."""
    lower = float(places[places < edge].max(initial=edge - 1.0))
    middle = (lower + edge) / 2
    return middle if middle < edge else lower
