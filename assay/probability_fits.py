"""Logits to probabilities: which of three maps a validation split can bear, and its fit.

*temperature* (Guo et al. 2017), *bias-corrected temperature* (Alexandari et al. 2020) and
*isotonic* on the score after a temperature (Zadrozny and Elkan 2002), chosen by the negative
log-likelihood on held-out groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from assay.metrics import Bools, Floats

Groups = npt.NDArray[np.generic]
Classes = npt.NDArray[np.intp]

ISOTONIC_GROUPS = 100
"""Groups of either class below which isotonic regression, which has no shape, is not tried."""

_FOLDS, _MIN_GROUPS = 5, 20
_TEMPERATURES = (0.05, 20.0)
_BIASES = (-10.0, 10.0)
_STRICTNESS = 0.02
"""Slope that an isotonic map keeps on its steps, so that it never makes two scores equal."""


class Method(StrEnum):
    """How logits become probabilities."""

    TEMPERATURE = "temperature"
    BIAS_CORRECTED = "bias-corrected temperature"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class ProbabilityMap:
    """``softmax(logits / temperature)``, its score through ``knots``, times ``exp(bias)``."""

    temperature: float
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Added to the log-probabilities, in the order of `Label`; that of authentic is 0."""
    knots: tuple[tuple[float, float], ...] = ()
    """Points of a rising, piecewise linear map of the score; empty leaves it as it is."""

    def __call__(self, logits: npt.ArrayLike) -> Floats:
        """Probabilities ``[n, 3]`` of ``logits`` ``[n, 3]``."""
        return np.asarray(np.exp(self.log(logits)))

    def log(self, logits: npt.ArrayLike) -> Floats:
        """Log-probabilities ``[n, 3]``, where even the least likely label has a slope."""
        scaled = np.asarray(logits, np.float64) / self.temperature
        if self.knots:
            scaled = np.log(_bent(np.asarray(softmax(scaled, axis=-1)), self.knots))
        return np.asarray(log_softmax(scaled + self.bias, axis=-1))


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before labels are seen: a map, and standard deviations around it."""

    centre: ProbabilityMap = ProbabilityMap(1.0)
    log_temperature: float = np.inf
    bias: float = 3.0
    """Finite, as a class that never occurs would otherwise have no end."""


def choose(
    logits: Floats, classes: Classes, groups: Groups
) -> tuple[Method, ProbabilityMap, dict[str, float]]:
    """The best method, its fit on all images, and the held-out loss of each that was tried.

    ``logits`` ``[n, 3]``; ``classes`` index `Label`. Every group weighs the same. With under 20
    groups nothing can be compared: temperature is taken.
    """
    losses = {
        method: _held_out(method, logits, classes, groups) for method in _tried(classes, groups)
    }
    best = min(losses, key=lambda method: losses[method], default=Method.TEMPERATURE)
    named = {method.value: loss for method, loss in losses.items()}
    return best, fit(best, logits, classes, group_weights(groups)), named


def fit(method: Method, logits: Floats, classes: Classes, weights: Floats) -> ProbabilityMap:
    """The map of the lowest negative log-likelihood on images of these ``weights`` ``[n]``."""
    with_bias = method is Method.BIAS_CORRECTED
    found = fit_scaling(logits, classes, weights, with_bias, Prior())
    if method is not Method.ISOTONIC:
        return found
    return ProbabilityMap(
        found.temperature, knots=_isotonic(1 - found(logits)[:, 0], classes > 0, weights)
    )


def fit_scaling(
    logits: Floats, classes: Classes, weights: Floats, with_bias: bool, prior: Prior
) -> ProbabilityMap:
    """Temperature, and bias where wanted, at the mode of their posterior; knots are the prior's.

    Minimised over the log-temperature, where the loss is well-behaved.
    """
    centre, rows = prior.centre, np.arange(len(classes))

    def loss(values: Floats) -> float:
        log_likelihood = _made(values, centre).log(logits)[rows, classes]
        doubt = ((values[0] - start[0]) / prior.log_temperature) ** 2
        doubt += (((values[1:] - start[1:]) / prior.bias) ** 2).sum()
        return float(-weights @ log_likelihood + doubt / 2)

    start = np.array([np.log(centre.temperature), *centre.bias[1:]])
    free = [_BIASES if with_bias else (b, b) for b in centre.bias[1:]]
    bounds = [tuple(np.log(_TEMPERATURES)), *free]
    return _made(minimize(loss, start, bounds=bounds, method="L-BFGS-B").x, centre)


def group_weights(groups: Groups) -> Floats:
    """One weight an image, one in all for each group."""
    _, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[index], np.float64)


def _made(values: Floats, centre: ProbabilityMap) -> ProbabilityMap:
    temperature, *biases = map(float, values)
    return ProbabilityMap(float(np.exp(temperature)), (0.0, biases[0], biases[1]), centre.knots)


def _tried(classes: Classes, groups: Groups) -> list[Method]:
    rarer = min(len(np.unique(groups[of])) for of in (classes > 0, classes == 0))
    if rarer < _MIN_GROUPS:
        return []
    return [m for m in Method if m is not Method.ISOTONIC or rarer >= ISOTONIC_GROUPS]


def _held_out(method: Method, logits: Floats, classes: Classes, groups: Groups) -> float:
    """Negative log-likelihood of images whose group was not fitted on, a mean over groups."""
    _, index = np.unique(groups, return_inverse=True)
    folds = np.random.default_rng(0).permutation(index.max() + 1)[index] % _FOLDS
    losses, weights = np.zeros(len(classes)), group_weights(groups)
    for fold in range(_FOLDS):
        fitted, held = folds != fold, folds == fold
        made = fit(method, logits[fitted], classes[fitted], weights[fitted])
        losses[held] = -made.log(logits[held])[np.arange(held.sum()), classes[held]]
    return float(np.average(losses, weights=weights))


def _isotonic(scores: Floats, positive: Bools, weights: Floats) -> tuple[tuple[float, float], ...]:
    """Isotonic regression, kept off 0 and 1 by one image's doubt, made strictly rising."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, positive, weights)
    doubt = 1 / (weights.sum() + 2)
    x = np.unique([0.0, *fitted.X_thresholds_, 1.0])
    steps = np.clip(fitted.predict(x), doubt, 1 - doubt)
    y = (1 - _STRICTNESS) * steps + _STRICTNESS * x
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _bent(probabilities: Floats, knots: tuple[tuple[float, float], ...]) -> Floats:
    """The score through ``knots``; the other two labels keep their ratio."""
    x, y = np.array(knots).T
    score = np.interp(1 - probabilities[..., :1], x, y)
    rest = probabilities[..., 1:] + 1e-300
    rest = rest / rest.sum(axis=-1, keepdims=True)
    return np.concatenate([1 - score, score * rest], axis=-1)
