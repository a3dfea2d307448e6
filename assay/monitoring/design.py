"""From what people labelled to all captures: weights, and what else the labels allow.

Who looks at which capture is no accident: all of the review band, a small share of the rest. Each
label therefore stands for as many captures as its selection probability says, and the weights of a
cell of the design (handed to people or not, flagged or not) are scaled to the captures that the
cell has, which also makes up for cases that nobody has decided yet (post-stratification; Särndal,
Swensson and Wretman 1992, "Model assisted survey sampling", chapter 7).

Where cases wait, those that are decided are no fair sample of a cell: the queue begins with what
the model is least sure of. Such a cell is split by that, as what is decided early is alike in it
(weighting classes for non-response; Kalton and Flores-Cervantes 2003, Journal of Official
Statistics 19:81-97).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from assay.metrics import Bools, Floats
from assay.records import Label

if TYPE_CHECKING:
    import pandas as pd

BINS = 3
"""Parts of a cell, by how unsure the model is, where cases wait."""
CELLS = 4 * BINS
"""Handed to people or not, times flagged or not, times those."""
_DECIDED = 0.8
"""Share of its cases from which a cell needs no parts."""

_PRIOR = 0.5
"""Jeffreys' (1946), for the share of images in a cell that are not authentic."""
_CELLS_AT_ONCE = 4_000_000
"""Weights in memory at a time, resamples x labels."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Design:
    """Labelled captures ``[n]`` and what they were drawn from; sorted by score.

    Behind the labelled captures stand two rows a cell without a label, one of either class, at the
    median score of its captures: what the prior puts there.
    """

    scores: Floats
    """Ascending ``[n + 2 CELLS]``, as all below."""
    positive: Bools
    """Whether people call it not authentic."""
    flagged: Bools
    """Whether the service did."""
    agrees: Bools
    """Whether people and service say the same, of three labels."""
    kinds: npt.NDArray[np.str_]
    """What people say; empty for the prior's rows."""
    cells: Indices
    groups: Indices
    """Numbers of near-duplicate groups; -1 for the prior's rows."""
    weights: Floats
    """Inverse selection probabilities; 0 for the prior's rows."""
    captures: Floats
    """Of each cell ``[CELLS]``, labelled or not."""
    captured_groups: Floats
    """Groups of each cell ``[CELLS]``, labelled or not; one of many captures makes the others count
    for less (Kish 1965, the effective sample size)."""

    @property
    def labels(self) -> int:
        """Captures with a label that came by design."""
        return int((self.groups >= 0).sum())

    @property
    def unseen(self) -> float:
        """Share of the captures that lies in cells without any label."""
        empty = np.bincount(self.cells, self.weights, CELLS) == 0
        return float(self.captures[empty].sum() / max(self.captures.sum(), 1))

    def estimate(self) -> Floats:
        """The captures that each row stands for ``[1, n]``; none where its cell has no label."""
        labelled = np.bincount(self.cells, self.weights, CELLS)
        each = np.divide(self.captures, labelled, out=np.zeros(CELLS), where=labelled > 0)
        return (self.weights * each[self.cells])[None]

    def resampled(self, resamples: int, seed: int) -> Iterator[Floats]:
        """What they may stand for as well ``[., n]``, in chunks: draws from the posterior.

        The Bayesian bootstrap (Rubin 1981) over groups in each cell, with Jeffreys' prior for the
        cell's share of images that are not authentic: a cell in which none was found among a few
        dozen labels may well hold some, which no resample of the labels alone would ever show.
        """
        rng = np.random.default_rng(seed)
        chunk = max(1, _CELLS_AT_ONCE // len(self.scores))
        for start in range(0, resamples, chunk):
            yield self._drawn(rng, min(chunk, resamples - start))

    def _drawn(self, rng: np.random.Generator, rows: int) -> Floats:
        real = self.groups >= 0
        names, index = np.unique(self.groups[real], return_inverse=True)
        drawn = np.empty((rows, len(self.scores)))
        drawn[:, real] = rng.standard_exponential((rows, len(names)))[:, index]
        drawn[:, real] *= self.weights[real]
        prior = rng.standard_gamma(_PRIOR, (rows, int((~real).sum())))
        drawn[:, ~real] = prior * self._weight_of_a_group()[self.cells[~real]]
        sizes = rng.standard_gamma(np.broadcast_to(self.captured_groups, (rows, CELLS)))
        sizes *= self.captures / np.maximum(self.captured_groups, 1)
        for cell in range(CELLS):
            inside = self.cells == cell
            drawn[:, inside] *= (sizes[:, cell] / drawn[:, inside].sum(axis=1))[:, None]
        return drawn

    def _weight_of_a_group(self) -> Floats:
        """Mean weight of a labelled group by cell ``[CELLS]``; 1 where there is none."""
        real = self.groups >= 0
        pairs = np.unique(np.stack([self.cells[real], self.groups[real]]), axis=1)
        groups = np.bincount(pairs[0], minlength=CELLS)
        weights = np.bincount(self.cells, self.weights, CELLS)
        return np.divide(weights, groups, out=np.ones(CELLS), where=groups > 0)


def design(frame: pd.DataFrame) -> Design:
    """The design behind ``frame``, whose columns are those of `assay.monitoring.frame`.

    Labels without a weight (a report's, an appeal's) came by no design and are left out.
    """
    flagged = (frame["label"] != Label.AUTHENTIC.value).to_numpy(bool)
    scores = frame["score"].to_numpy(float)
    groups = np.unique(frame["group"].to_numpy(str), return_inverse=True)[1]
    drawn = frame["weight"].notna().to_numpy(bool)
    chosen = drawn & frame["human_label"].notna().to_numpy(bool)
    cells = _cells(2 * frame["needs_review"].to_numpy(np.intp) + flagged, scores, drawn, chosen)
    said = frame["human_label"].to_numpy(object)[chosen].astype(str)
    prior_cells = np.repeat(np.arange(CELLS), 2)
    prior_positive = np.tile([False, True], CELLS)
    prior_flagged = prior_cells % 2 == 1
    both = np.concatenate
    place = both([scores[chosen], np.repeat(_medians(scores, cells), 2)])
    order = np.argsort(place, kind="stable")
    agrees = frame["label"].to_numpy(object)[chosen].astype(str) == said
    return Design(
        place[order],
        both([said != Label.AUTHENTIC.value, prior_positive])[order],
        both([flagged[chosen], prior_flagged])[order],
        both([agrees, prior_flagged == prior_positive])[order],
        both([said, np.full(2 * CELLS, "")])[order],
        both([cells[chosen], prior_cells])[order],
        both([groups[chosen], np.full(2 * CELLS, -1)])[order],
        both([frame["weight"].to_numpy(float)[chosen], np.zeros(2 * CELLS)])[order],
        np.bincount(cells, minlength=CELLS).astype(float),
        _groups(cells, groups),
    )


def _cells(strata: Indices, scores: Floats, drawn: Bools, chosen: Bools) -> Indices:
    """The cell of each capture ``[captures]``; ``strata`` are told apart in any case."""
    cells = BINS * strata
    for stratum in range(CELLS // BINS):
        inside = np.flatnonzero(strata == stratum)
        if chosen[inside].sum() >= _DECIDED * drawn[inside].sum():
            continue
        sure = np.abs(scores[inside] - 0.5)
        limits = np.quantile(sure, np.arange(1, BINS) / BINS)
        cells[inside] += np.searchsorted(limits, sure)
    return cells


def _groups(cells: Indices, groups: Indices) -> Floats:
    pairs, sizes = np.unique(np.stack([cells, groups]), axis=1, return_counts=True)
    squared = np.bincount(pairs[0], sizes.astype(float) ** 2, CELLS)
    return np.bincount(cells, minlength=CELLS) ** 2 / np.maximum(squared, 1)


def _medians(scores: Floats, cells: Indices) -> Floats:
    found = [scores[cells == cell] for cell in range(CELLS)]
    return np.array([np.median(of) if len(of) else 0.5 for of in found])
