"""From logits to a decision: calibrated probabilities, frozen thresholds, a band for people.

All of it is fitted once on labelled images (`assay.bundle` says which), stored with the model, and
never touched by test images. `recalibrate` moves it to a platform whose images are others, from
about a hundred labels.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from assay import probability_fits, thresholds
from assay.errors import CheckpointMismatch
from assay.metrics import Floats
from assay.probability_fits import Method, Prior, ProbabilityMap, group_weights
from assay.records import Label
from assay.review import Review, ReviewSettings, draw_band

Shares = tuple[float, float, float]
"""Of each label, in the order of `Label`."""

_FORMAT = 2
_TEMPERATURE_DOUBT, _BIAS_DOUBT = 0.3, 1.0
"""How far another platform's log-temperature and biases are expected to lie (deviations)."""
_EM_STEPS = 200


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model's logits become probabilities, a label, and a call for a second look."""

    temperature: float
    threshold: float
    """On score = 1 - p_authentic: at or above it an image is not authentic."""
    review_low: float
    review_high: float
    """Scores in this closed interval, which holds all thresholds, are handed to people."""
    bias: Shares = (0.0, 0.0, 0.0)
    knots: tuple[tuple[float, float], ...] = ()
    """With the temperature, what `assay.probability_fits.ProbabilityMap` says of them."""
    strata: dict[str, float] = field(default_factory=dict)
    """Thresholds of strata (`assay.strata.stratum`) that have one of their own."""
    method: Method = Method.TEMPERATURE
    losses: dict[str, float] = field(default_factory=dict)
    """Held-out negative log-likelihood by method, of those that were tried."""
    base_rates: Shares | None = None
    """Shares of the labels among the groups that it was fitted on."""
    review: Review | None = None
    """What the band promises; None where that was never measured."""

    @property
    def map(self) -> ProbabilityMap:
        """The map from logits to probabilities."""
        return ProbabilityMap(self.temperature, self.bias, self.knots)

    def probabilities(self, logits: npt.ArrayLike) -> Floats:
        """Probabilities of ``logits`` ``[n, 3]``; rows in the order of `Label`."""
        return self.map(logits)

    def threshold_for(self, stratum: str) -> float:
        """The threshold of ``stratum``; that of all images where it has none of its own."""
        return self.strata.get(stratum, self.threshold)

    def label(self, probabilities: npt.ArrayLike, stratum: str = "") -> Label:
        """Authentic below the threshold, else the likelier of the other two; one row ``[3]``."""
        authentic, manipulated, synthesized = np.asarray(probabilities, np.float64)
        if 1 - authentic < self.threshold_for(stratum):
            return Label.AUTHENTIC
        return Label.MANIPULATED if manipulated >= synthesized else Label.SYNTHESIZED

    def needs_review(self, score: float) -> bool:
        """Whether a person should look at an image of this score."""
        return not (score < self.review_low or score > self.review_high)  # NaN is for people too

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(json.dumps({"format": _FORMAT, **asdict(self)}, indent=2))

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what `save` wrote; raises `CheckpointMismatch` when the file is something else."""
        try:
            stored = json.loads(path.read_text())
            if stored.pop("format", None) != _FORMAT:
                raise ValueError("another format")
            return _sound(TypeAdapter(cls).validate_python(stored))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointMismatch(
                f"{path} holds no calibration ({error}); train again"
            ) from error


def calibrate(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    strata: npt.ArrayLike | None = None,
    settings: ReviewSettings = ReviewSettings(),  # noqa: B008 (frozen)
) -> Calibration:
    """Fit a `Calibration` on ``logits`` ``[n, 3]``, ``labels`` and ``groups`` ``[n]``.

    Labels are `Label` values, ``strata`` names (`assay.strata.stratum`). Every group (crops and
    twins of one photograph) weighs the same, so a photograph cut into many crops does not decide
    alone. Raises ValueError unless there are authentic and other images.
    """
    scaled, classes, names = _checked(logits, labels, groups)
    method, made, losses = probability_fits.choose(scaled, classes, names)
    scores, positive, weights = 1 - made(scaled)[:, 0], classes > 0, group_weights(names)
    threshold = thresholds.best_threshold(scores, positive, weights)
    low, high, review = draw_band(scores, positive, names, threshold, settings)
    own = {}
    if strata is not None:
        kinds = np.asarray(strata, np.str_)
        own = thresholds.by_stratum(scores, positive, weights, names, kinds)
    return Calibration(
        made.temperature,
        threshold,
        low,
        high,
        made.bias,
        made.knots,
        # Inside the band, so that what is promised outside it is promised for all strata.
        {name: min(max(value, low), high) for name, value in own.items()},
        method,
        losses,
        _base_rates(classes, weights),
        review,
    )


def recalibrate(
    calibration: Calibration,
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    settings: ReviewSettings = ReviewSettings(),  # noqa: B008 (frozen)
) -> Calibration:
    """``calibration`` moved to other images, from about a hundred of their labels.

    Arguments as in `calibrate`. Temperature and biases (Platt 1999) are fitted with a Gaussian
    prior around the old ones, the threshold is shrunk towards the old one, the band is measured
    anew on the new labels alone, and strata keep no thresholds. Raises ValueError as `calibrate`.
    """
    scaled, classes, names = _checked(logits, labels, groups)
    weights, positive = group_weights(names), classes > 0
    prior = Prior(calibration.map, _TEMPERATURE_DOUBT, _BIAS_DOUBT)
    made = probability_fits.fit_scaling(scaled, classes, weights, True, prior)
    scores = 1 - made(scaled)[:, 0]
    trust = _trust(positive, names)
    threshold = trust * thresholds.best_threshold(scores, positive, weights)
    threshold += (1 - trust) * _moved(calibration, made, scaled)
    low, high, review = draw_band(scores, positive, names, threshold, settings)
    return replace(
        calibration,
        temperature=made.temperature,
        bias=made.bias,
        threshold=threshold,
        review_low=low,
        review_high=high,
        review=review,
        strata={},
        losses={},
        base_rates=_base_rates(classes, weights),
    )


def estimate_base_rates(probabilities: Floats, fitted_on: Shares) -> Shares:
    """Shares of the labels among unlabelled images, from ``probabilities`` ``[n, 3]`` of them.

    Expectation-maximisation of Saerens, Latinne and Decaestecker 2002, which holds where only the
    shares differ from ``fitted_on``, not what the images of a label look like.
    """
    rates = known = np.maximum(fitted_on, 1e-9)
    for _ in range(_EM_STEPS):
        shifted = probabilities * (rates / known)
        rates = np.mean(shifted / shifted.sum(axis=1, keepdims=True), axis=0)
    return _shares(rates)


def for_base_rates(calibration: Calibration, base_rates: Shares) -> Calibration:
    """``calibration`` for a platform where labels have other shares: Bayes' rule, no label needed.

    Thresholds move along, so labels stay. The bound was measured at other shares, so nothing is
    decided until `recalibrate` measures it. Raises ValueError where the old shares are unknown.
    """
    if calibration.base_rates is None:
        raise ValueError("this calibration does not know which base rates it was fitted on")
    ratio = np.log(np.maximum(base_rates, 1e-9) / np.maximum(calibration.base_rates, 1e-9))
    bias = np.array(calibration.bias) + ratio - ratio[0]
    odds = (1 - base_rates[0]) / base_rates[0]
    old_odds = (1 - calibration.base_rates[0]) / calibration.base_rates[0]
    moved = {
        name: value * odds / (value * odds + (1 - value) * old_odds)
        for name, value in {**calibration.strata, "": calibration.threshold}.items()
    }
    return replace(
        calibration,
        bias=_shares(bias),
        threshold=moved.pop(""),
        strata=moved,
        base_rates=base_rates,
        review_low=0.0,
        review_high=1.0,
        review=None,
    )


def _sound(made: Calibration) -> Calibration:
    """``made`` as it is; raises ValueError where it could only have been damaged."""
    edges = made.review_low, made.threshold, made.review_high
    if not (made.temperature > 0 and 0 <= edges[0] <= edges[1] <= edges[2] <= 1):
        raise ValueError("temperature, threshold or review band out of range")
    return made


def _checked(
    logits: npt.ArrayLike, labels: npt.ArrayLike, groups: npt.ArrayLike
) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.generic]]:
    """As arrays, labels as places in `Label`; raises ValueError for images of one class."""
    classes = np.array([list(Label).index(Label(label)) for label in np.asarray(labels)], np.intp)
    if not np.isfinite(np.asarray(logits, np.float64)).all():
        raise ValueError("calibration needs finite logits; some are not a number or infinite")
    if len({bool(index) for index in classes}) < 2:
        raise ValueError("calibration needs authentic and other images")
    return np.asarray(logits, np.float64), classes, np.asarray(groups)


def _trust(positive: npt.NDArray[np.bool_], groups: npt.NDArray[np.generic]) -> float:
    """How much a threshold of these images counts against one that was there before."""
    count = min(len(np.unique(groups[of])) for of in (positive, ~positive))
    return count / (count + thresholds.PRIOR_GROUPS)


def _moved(calibration: Calibration, made: ProbabilityMap, logits: Floats) -> float:
    """The old threshold on the new scores: as large a share of ``logits`` stays below it."""
    old = 1 - calibration.probabilities(logits)[:, 0]
    below = float((old < calibration.threshold).mean())
    return float(np.quantile(1 - made(logits)[:, 0], below))


def _base_rates(classes: npt.NDArray[np.intp], weights: Floats) -> Shares:
    return _shares(np.bincount(classes, weights, len(Label)) / weights.sum())


def _shares(values: Floats) -> Shares:
    authentic, manipulated, synthesized = map(float, values)
    return authentic, manipulated, synthesized
