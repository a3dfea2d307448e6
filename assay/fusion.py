"""One set of class logits from the model's verdict and the measured evidence: a calibrated maximum.

Every voice (the model's own margin, or one finding) is turned into log-odds by a logistic curve of
its own, and the strongest voice for a class speaks for it. A maximum says what an examiner would:
one clear clone is enough, and nine unremarkable findings do not outvote it. In prototypes it beat
noisy-or and stacking on datasets that were not trained on. A voice that does not earn its place on
labelled images is not heard at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from assay.errors import CheckpointMismatch
from assay.records import Label

Floats = npt.NDArray[np.float64]

MODEL_VOICES = {"model_manipulated": Label.MANIPULATED, "model_synthesized": Label.SYNTHESIZED}
"""The model's margins over authentic, as voices beside the findings."""

_PRIOR = 1.0
"""Standard deviation that slopes are believed to have before any image was seen."""
_EARNED = 1.35
"""Gain in log-likelihood from which a slope is believed: one-sided 5 % of a likelihood ratio."""
_OTHERS = (Label.MANIPULATED, Label.SYNTHESIZED)


@dataclass(frozen=True, slots=True)
class Voice:
    """How one signal becomes log-odds for one class."""

    label: Label
    slope: float
    """At least 0: what measures as unusual never speaks for authenticity."""
    offset: float

    def logit(self, signal: Floats) -> Floats:
        """Log-odds ``[n]`` of a signal ``[n]``; minus infinity where it is NaN."""
        return np.where(np.isnan(signal), -np.inf, self.slope * np.nan_to_num(signal) + self.offset)


@dataclass(frozen=True, slots=True)
class Fusion:
    """The voices that are heard, and the log-odds of each class where none is."""

    voices: Mapping[str, Voice]
    silence: Mapping[Label, float]

    @property
    def hears_the_model(self) -> bool:
        """Whether the model's verdict counts beside the findings."""
        return any(name in self.voices for name in MODEL_VOICES)

    def logits(self, signals: Mapping[str, Floats]) -> Floats:
        """Class logits ``[n, 3]`` in the order of `Label`, authentic 0, from `signals_of`."""
        count = len(next(iter(signals.values())))
        columns = [np.zeros(count)]
        for label in _OTHERS:
            said = [v.logit(signals[name]) for name, v in self.voices.items() if v.label == label]
            loudest = np.max([np.full(count, -np.inf), *said], axis=0)
            columns.append(np.where(np.isinf(loudest), self.silence[label], loudest))
        return np.stack(columns, axis=1)

    @classmethod
    def fit(
        cls,
        signals: Mapping[str, Floats],
        speaks_for: Mapping[str, Label],
        labels: npt.ArrayLike,
        datasets: npt.ArrayLike,
        weights: Floats,
    ) -> Fusion:
        """Fit each voice on labelled ``signals`` (`signals_of`); everything else is ``[n]``.

        A voice is fitted on authentic images against those of its class, where its signal is not
        NaN. Every dataset has an offset of its own while the slope is shared, so that what only
        tells datasets apart earns no slope.
        """
        truth = np.asarray(labels, np.str_)
        fitted = {}
        for name, label in speaks_for.items():
            used = np.isin(truth, (label, Label.AUTHENTIC)) & ~np.isnan(signals[name])
            rows = signals[name][used], truth[used] == label, np.asarray(datasets)[used]
            fitted[name] = _fitted(label, *rows, weights[used])
        silence = {label: _log_odds(truth, label, weights) for label in _OTHERS}
        return cls({name: voice for name, voice in fitted.items() if voice}, silence)

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True))

    @classmethod
    def load(cls, path: Path) -> Fusion:
        """Read what `save` wrote; raises `CheckpointMismatch` when the file is something else."""
        try:
            stored = json.loads(path.read_text())
            voices = {
                name: Voice(Label(v["label"]), float(v["slope"]), float(v["offset"]))
                for name, v in stored["voices"].items()
            }
            return cls(voices, {label: float(stored["silence"][label]) for label in _OTHERS})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointMismatch(f"{path} holds no fusion ({error}); train again") from error


def signals_of(
    verdicts: npt.ArrayLike, null_rates: Mapping[str, npt.ArrayLike]
) -> dict[str, Floats]:
    """The voices' inputs ``[n]`` by name, from verdict logits ``[n, 3]`` and findings' null rates.

    A finding's signal is its surprise, -log10 of the null rate: the same scale for all, whatever
    they measure. NaN where it is not applicable.
    """
    logits = np.asarray(verdicts, np.float64)
    margins = {
        name: logits[:, list(Label).index(label)] - logits[:, 0]
        for name, label in MODEL_VOICES.items()
    }
    return margins | {
        name: -np.log10(np.asarray(rates, np.float64)) for name, rates in null_rates.items()
    }


def _fitted(
    label: Label,
    signal: Floats,
    positive: npt.NDArray[np.bool_],
    datasets: npt.NDArray[np.generic],
    weights: Floats,
) -> Voice | None:
    """Maximum a posteriori logistic regression with one slope and an offset for each dataset.

    None where the slope does not gain enough over having none.
    """
    if positive.all() or not positive.any():
        return None
    _, index = np.unique(datasets, return_inverse=True)
    sign = np.where(positive, 1.0, -1.0)
    spread = float(signal.std()) or 1.0

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, offsets = parameters[0], parameters[1:]
        margin = sign * (slope * signal / spread + offsets[index])
        pull = -weights * sign * expit(-margin)
        value = weights @ np.logaddexp(0, -margin) + 0.5 * slope**2 / _PRIOR**2
        steepest = np.array([pull @ signal / spread + slope / _PRIOR**2])
        return float(value), np.concatenate([steepest, np.bincount(index, pull, len(offsets))])

    def smallest(highest: float | None) -> tuple[Floats, float]:
        start = np.zeros(2 + int(index.max()))
        bounds = [(0.0, highest), *[(-10.0, 10.0)] * (len(start) - 1)]
        found = minimize(loss, start, jac=True, bounds=bounds)
        return found.x, float(found.fun)

    (best, loss_with), (_, loss_without) = smallest(None), smallest(0.0)
    if loss_without - loss_with < _EARNED:
        return None
    return Voice(
        label, float(best[0]) / spread, float(np.average(best[1:][index], weights=weights))
    )


def _log_odds(truth: npt.NDArray[np.str_], label: Label, weights: Floats) -> float:
    """Log-odds of ``label`` against authentic among the images, one image of each added."""
    wanted = float(weights[truth == label].sum())
    return float(np.log((wanted + 1) / (float(weights[truth == Label.AUTHENTIC].sum()) + 1)))
