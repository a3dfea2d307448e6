"""From logits to a decision: calibrated probabilities, one frozen threshold, a band for people.

All of it is fitted once on the validation split, stored with the model, and never touched by test
images.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from assay.errors import CheckpointMismatch
from assay.records import Label

Floats = npt.NDArray[np.float64]

TARGET_ERROR = 0.10
"""Share of wrong decisions tolerated among validation images that no person looks at."""

_TEMPERATURES = (0.05, 20.0)
_BAND_SHARES = np.linspace(0.01, 1, 100)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model's logits become probabilities, a label, and a call for a second look."""

    temperature: float
    threshold: float
    """On score = 1 - p_authentic: at or above it an image is not authentic."""
    review_low: float
    review_high: float
    """Scores in this closed interval, which holds the threshold, are handed to people."""

    def probabilities(self, logits: npt.ArrayLike) -> Floats:
        """Softmax of ``logits`` ``[n, 3]`` over the temperature; rows in the order of `Label`."""
        return np.asarray(softmax(np.asarray(logits, np.float64) / self.temperature, axis=-1))

    def label(self, probabilities: npt.ArrayLike) -> Label:
        """Authentic below the threshold, else the likelier of the other two; one row ``[3]``."""
        authentic, manipulated, synthesized = np.asarray(probabilities, np.float64)
        if 1 - authentic < self.threshold:
            return Label.AUTHENTIC
        return Label.MANIPULATED if manipulated >= synthesized else Label.SYNTHESIZED

    def needs_review(self, score: float) -> bool:
        """Whether a person should look at an image of this score."""
        return self.review_low <= score <= self.review_high

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what `save` wrote; raises `CheckpointMismatch` when the file is something else."""
        try:
            return cls(
                **{name: float(value) for name, value in json.loads(path.read_text()).items()}
            )
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointMismatch(
                f"{path} holds no calibration ({error}); train again"
            ) from error


def calibrate(logits: npt.ArrayLike, labels: npt.ArrayLike, groups: npt.ArrayLike) -> Calibration:
    """Fit a `Calibration` on validation ``logits`` ``[n, 3]``, ``labels`` and ``groups`` ``[n]``.

    Labels are `Label` values. Every group (crops and twins of one photograph) weighs the same, so
    a photograph cut into many crops does not decide alone. Raises ValueError unless there are
    authentic and other images.
    """
    scaled = np.asarray(logits, np.float64)
    classes = np.array([list(Label).index(Label(label)) for label in np.asarray(labels)])
    if len({bool(index) for index in classes}) < 2:
        raise ValueError("calibration needs authentic and other images in the validation split")
    weights = _group_weights(np.asarray(groups))
    temperature = _fit_temperature(scaled, classes, weights)
    scores = 1 - softmax(scaled / temperature, axis=1)[:, 0]
    positive = classes > 0
    threshold = best_threshold(scores, positive, weights)
    low, high = _review_band(scores, positive, weights, threshold)
    return Calibration(temperature, threshold, low, high)


def best_threshold(scores: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> float:
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


def _cumulative_share(weights: Floats) -> Floats:
    cumulative: Floats = np.cumsum(weights)
    return np.asarray(cumulative / cumulative[-1])


def _group_weights(groups: npt.NDArray[np.generic]) -> Floats:
    _, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[index], np.float64)


def _fit_temperature(logits: Floats, classes: npt.NDArray[np.intp], weights: Floats) -> float:
    """Minimise the negative log-likelihood over log-temperature, where it is well-behaved.

    Guo et al., "On calibration of modern neural networks", 2017.
    """
    rows = np.arange(len(classes))

    def loss(log_temperature: float) -> float:
        likelihood = log_softmax(logits / np.exp(log_temperature), axis=1)[rows, classes]
        return -float(np.average(likelihood, weights=weights))

    bounds = np.log(_TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _review_band(
    scores: Floats, positive: npt.NDArray[np.bool_], weights: Floats, threshold: float
) -> tuple[float, float]:
    """The smallest band around ``threshold`` outside which errors stay within `TARGET_ERROR`.

    The band takes the same share of the images on either side, those nearest to the threshold:
    symmetric in quantiles, as scores bunch at the ends. When no band reaches the target,
    everything goes to people (Chow 1970, "On optimum recognition error and reject tradeoff").
    """
    wrong = weights * ((scores >= threshold) != positive)
    if wrong.sum() <= TARGET_ERROR * weights.sum():
        return threshold, threshold
    below, above = scores[scores < threshold], scores[scores >= threshold]
    for share in _BAND_SHARES:
        low = float(np.quantile(below, 1 - share)) if len(below) else threshold
        high = float(np.quantile(above, share)) if len(above) else threshold
        decided = (scores < low) | (scores > high)
        if decided.any() and wrong[decided].sum() <= TARGET_ERROR * weights[decided].sum():
            return low, high
    return 0.0, 1.0
