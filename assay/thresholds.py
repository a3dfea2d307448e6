"""The score from which an image is not called authentic: one for all, and by kind of file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.metrics import Bools, Floats

MIN_GROUPS = 30
"""Groups of either class below which a stratum keeps the threshold of all."""
PRIOR_GROUPS = 50
"""How many groups of the rarer class outweigh all other strata together."""


def best_threshold(scores: Floats, positive: Bools, weights: Floats) -> float:
    """The threshold of the highest balanced accuracy, midway between two neighbouring scores."""
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    missed = _cumulative_share(weights[order] * positive[order])
    cleared = _cumulative_share(weights[order] * ~positive[order])
    # Cut i puts the i lowest scores below the threshold; equal scores cannot be cut apart.
    cuts = np.flatnonzero(np.diff(ascending)) + 1
    if not len(cuts):
        return 0.5
    best = cuts[np.argmax(cleared[cuts - 1] - missed[cuts - 1])]
    return float((ascending[best - 1] + ascending[best]) / 2)


def by_stratum(
    scores: Floats,
    positive: Bools,
    weights: Floats,
    groups: npt.NDArray[np.generic],
    strata: npt.NDArray[np.str_],
) -> dict[str, float]:
    """A threshold for each of ``strata`` ``[n]`` that has `MIN_GROUPS` groups of both classes.

    Shrunk towards the threshold of all: the balanced accuracy that it maximises is that of the
    stratum, of weight ``g / (g + PRIOR_GROUPS)``, and that of all images for the rest; ``g`` is
    the number of groups of its rarer class (after Efron and Morris 1975).
    """
    found: dict[str, float] = {}
    for name in sorted(set(strata.tolist())):
        own = strata == name
        count = min(len(np.unique(groups[own & of])) for of in (positive, ~positive))
        if count >= MIN_GROUPS:
            trust = count / (count + PRIOR_GROUPS)
            shrunk = trust * _by_class(weights * own, positive)
            shrunk += (1 - trust) * _by_class(weights, positive)
            found[name] = best_threshold(scores, positive, shrunk)
    return found


def _by_class(weights: Floats, positive: Bools) -> Floats:
    """Weights of which each class has one in all."""
    totals = np.where(positive, weights[positive].sum(), weights[~positive].sum())
    return np.asarray(weights / totals, np.float64)


def _cumulative_share(weights: Floats) -> Floats:
    cumulative: Floats = np.cumsum(weights)
    return np.asarray(cumulative / cumulative[-1])
