"""How far findings count otherwise on a platform's own traffic than the shipped curve says.

The curve (`assay.fusion`) knows no edit: one that changes no finding which is fused stays missed,
however often people label it. So every measured finding, shown ones too, gets a weight for either
class, the likeliest under a Gaussian prior around the shipped ones (a logistic regression with a
ridge penalty; Hoerl & Kennard 1970). They are heard only where images of groups that they were not
fitted to are foretold better than by a calibration alone (decision 0084).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax
from scipy.stats import t as student

from assay.fusion import Fusion, believed
from assay.metrics import Bools, Floats
from assay.probability_fits import Classes, Groups, Prior, fit_scaling
from assay.records import Label

_DOUBT, _OFFSET_DOUBT = 0.1, 3.0
"""Deviations of the prior: what a surprise counts is expected to change by about as much as the
shipped slope is; base rates may be anything."""
_FOLDS, _FEWEST = 5, 20
"""Groups of either side below which nothing is compared, as in `assay.probability_fits`."""
_CONFIDENCE = 0.95
"""One-sided, that held-out groups are foretold better."""
_CLASSES = (Label.MANIPULATED, Label.SYNTHESIZED)


@dataclass(frozen=True, slots=True)
class Learning:
    """What came of learning: the fusion to use, and what speaks for it or against it."""

    fusion: Fusion
    logits: Floats
    """Of the labelled images ``[n, 3]``, each by weights that were not fitted to its group."""
    groups: int
    """Independent images that were labelled."""
    gain: float | None
    """In log-likelihood of an image that was not fitted to, in nats; None for too few groups."""
    low: float | None
    """Lower end of its one-sided 95 % interval; the weights are heard where this exceeds 0."""

    def __str__(self) -> str:
        """One sentence for a report."""
        if self.gain is None:
            return f"{self.groups} labelled photographs are too few to learn what findings count"
        heard = "heard" if self.fusion.learned else "not heard"
        return (
            f"learned weights are {heard}: {self.gain:+.3f} nats an image that they were not "
            f"fitted to, at least {self.low:+.3f}, on {self.groups} photographs"
        )


def learn(
    fusion: Fusion,
    verdicts: npt.ArrayLike,
    surprises: Mapping[str, Floats],
    labels: Sequence[Label],
    groups: Groups,
    weights: Floats,
) -> Learning:
    """Fit weights for findings to labelled images ``[n]``, and say whether they earn their place.

    ``verdicts`` ``[n, 3]`` and ``surprises`` are as `Fusion.logits` takes them, ``weights`` what
    each image counts. A class that nobody labelled keeps what is shipped.
    """
    classes = np.array([list(Label).index(Label(label)) for label in labels], np.intp)
    names = tuple(sorted(set(surprises) - set(_CLASSES)))
    known = np.stack([believed(surprises[name]) for name in names], axis=1)
    data = _Data(fusion.logits(verdicts, surprises), known, classes, weights)
    rarer = min(len(np.unique(groups[of])) for of in (classes > 0, classes == 0))
    if rarer < _FEWEST:
        return Learning(fusion, data.logits, len(np.unique(groups)), None, None)
    foretold, gains = _cross_fitted(data, groups)
    mean, low = _mean_and_low(gains, weights, groups)
    if low <= 0:
        return Learning(fusion, data.logits, len(np.unique(groups)), mean, low)
    heard = _with(fusion, _fit(data), names, {list(Label)[index] for index in classes})
    return Learning(heard, foretold, len(np.unique(groups)), mean, low)


@dataclass(frozen=True, slots=True)
class _Data:
    """Labelled images: their logits as shipped, what was measured of them, and what they are."""

    logits: Floats
    """``[n, 3]``."""
    surprises: Floats
    """``[n, k]``."""
    classes: Classes
    weights: Floats

    def part(self, rows: Bools) -> _Data:
        """The images ``rows``."""
        return _Data(
            self.logits[rows], self.surprises[rows], self.classes[rows], self.weights[rows]
        )

    def moved(self, parameters: Floats) -> Floats:
        """Logits ``[n, 3]`` with ``parameters`` ``[2, 1 + k]``: a class's offset and weights."""
        moved = self.logits.copy()
        moved[:, 1:] += parameters[:, 0] + self.surprises @ parameters[:, 1:].T
        return moved

    def of_truth(self, log_probabilities: Floats) -> Floats:
        """What ``log_probabilities`` ``[n, 3]`` say of the classes that the images have ``[n]``."""
        return np.asarray(log_probabilities[np.arange(len(self.classes)), self.classes])


def _fit(data: _Data) -> Floats:
    """Offsets and weights ``[2, 1 + k]`` at the mode of their posterior."""
    shape = len(_CLASSES), 1 + data.surprises.shape[1]
    precision = np.full(shape, _DOUBT**-2)
    precision[:, 0] = _OFFSET_DOUBT**-2
    truth = np.eye(len(Label))[data.classes]

    def loss(values: Floats) -> tuple[float, Floats]:
        parameters = values.reshape(shape)
        found = log_softmax(data.moved(parameters), axis=1)
        misses = data.weights[:, None] * (np.exp(found) - truth)[:, 1:]
        slope = np.concatenate([misses.sum(axis=0)[:, None], misses.T @ data.surprises], axis=1)
        pull = precision * parameters
        total = (pull * parameters).sum() / 2 - data.weights @ data.of_truth(found)
        return float(total), (slope + pull).ravel()

    found = minimize(loss, np.zeros(precision.size), jac=True, method="L-BFGS-B").x
    return np.asarray(found, np.float64).reshape(shape)


def _cross_fitted(data: _Data, groups: Groups) -> tuple[Floats, Floats]:
    """Logits ``[n, 3]`` of held-out images, and what they gain ``[n]`` over a calibration alone."""
    _, index = np.unique(groups, return_inverse=True)
    folds = np.random.default_rng(0).permutation(index.max() + 1)[index] % _FOLDS
    logits, gains = np.zeros_like(data.logits), np.zeros(len(index))
    for fold in range(_FOLDS):
        fitted, held = data.part(folds != fold), data.part(folds == fold)
        logits[folds == fold] = foretold = held.moved(_fit(fitted))
        shipped = fit_scaling(fitted.logits, fitted.classes, fitted.weights, True, Prior())
        learned = held.of_truth(np.asarray(log_softmax(foretold, axis=1)))
        gains[folds == fold] = learned - held.of_truth(shipped.log(held.logits))
    return logits, gains


def _mean_and_low(gains: Floats, weights: Floats, groups: Groups) -> tuple[float, float]:
    """The weighted mean, and its one-sided lower end: groups, not images, are independent.

    By the linearised error of a ratio (Cochran 1977, section 6.3) and Student's t.
    """
    _, index = np.unique(groups, return_inverse=True)
    totals, sums = np.bincount(index, weights), np.bincount(index, weights * gains)
    mean, count = sums.sum() / totals.sum(), len(totals)
    spread = count / (count - 1) * ((sums - mean * totals) ** 2).sum()
    reach = student.ppf(_CONFIDENCE, count - 1) * np.sqrt(spread) / totals.sum()
    return float(mean), float(mean - reach)


def _with(
    fusion: Fusion, parameters: Floats, names: Sequence[str], labelled: Collection[Label]
) -> Fusion:
    """``fusion`` with offsets and weights for the classes that somebody ``labelled``."""
    offsets, learned = dict(fusion.offsets), {}
    for label, (offset, *weights) in zip(_CLASSES, parameters.tolist(), strict=True):
        if label in labelled:
            offsets[label] += offset
            learned[label] = dict(zip(names, weights, strict=True))
    return replace(fusion, offsets=offsets, learned=learned)
