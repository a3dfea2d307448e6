"""One set of class logits from the model's verdict and the measured evidence.

Every finding speaks by its surprise: the log-odds that an authentic image measures lower. Surprises
add up, separately for manipulation and for synthesis (the logit method of combining p-values,
Mudholkar & George 1979), and a logistic curve turns each sum into log-odds of the class. What a
finding counts is thus learned from authentic images alone, and the curve is the same for all
models; whatever of it is fitted to labels learns which edits the training sets happen to hold, and
fails on the next set (decision 0047). Two things are learned from labels all the same, each only
where that is asked for and it earns its place on images that it was not fitted to: what the model's
own word counts, and how far findings count otherwise on a platform's own traffic
(`assay.finding_weights`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from assay.errors import CheckpointMismatch
from assay.metrics import Floats
from assay.records import Label

_SLOPE, _OFFSET = 0.1, -1.0
"""Of the curve: low, as surprises of one image are not independent of each other."""
_CONCLUSIVE = 35.0
"""Surprise of a conclusive finding beyond its null rate, which no finite reference resolves: it is
met on 70 % of copied regions and on less than 1 % of authentic images, 3.5 in log-odds and more."""
_RESOLVED = 1e-3
"""Null rates are not believed to be nearer to 0 or 1: references are finite."""
_EARNED = 1.35
"""Gain in log-likelihood from which the model is heard: one-sided 5 % of a likelihood ratio."""
_OTHERS = (Label.MANIPULATED, Label.SYNTHESIZED)

Weights = Mapping[Label, Mapping[str, float]]
"""Of a class, what each finding's surprise adds to its log-odds."""


def _one_offset() -> dict[Label, float]:
    return dict.fromkeys(_OTHERS, _OFFSET)


@dataclass(frozen=True, slots=True)
class Fusion:
    """How surprises, and the model's margins over authentic, become log-odds."""

    offsets: Mapping[Label, float] = field(default_factory=_one_offset)
    """Log-odds of a class where all is as in the middle of authentic images."""
    model: float = 0.0
    """Weight of the model's margins; 0 where its word counts nothing."""
    learned: Weights = field(default_factory=dict)
    """What labels of a platform's own traffic taught, beside the curve; empty where they did not.

    A surprise counts here as far as a null rate is believed, whether it is conclusive or not.
    """

    @property
    def hears_the_model(self) -> bool:
        """Whether the model's verdict counts beside the findings."""
        return self.model > 0

    def logits(self, verdicts: npt.ArrayLike, surprises: Mapping[str, Floats]) -> Floats:
        """Class logits ``[n, 3]`` in the order of `Label`, authentic 0.

        ``verdicts`` ``[n, 3]`` are logits of the verdict words, not looked at where the model is
        not heard; ``surprises`` ``[n]`` come from `ledger.surprises_of`.
        """
        said = _margins(verdicts) if self.hears_the_model else np.zeros(np.shape(verdicts))
        logits = _logits(self, said, surprises)
        for label, weights in self.learned.items():
            column = list(Label).index(label)
            for name, weight in weights.items():
                logits[:, column] += weight * believed(surprises[name])
        return logits

    @classmethod
    def fit(
        cls,
        verdicts: npt.ArrayLike,
        surprises: Mapping[str, Floats],
        labels: npt.ArrayLike,
        weights: Floats,
    ) -> Fusion:
        """Hear the model if its word improves on the evidence on labelled images, ``[n]`` each.

        None of them trained the model: its word about those says nothing about what it is worth.
        """
        truth = np.array([list(Label).index(Label(label)) for label in np.asarray(labels)])
        rows = _margins(verdicts), surprises, truth, weights
        (heard, with_it), (_, without) = _fitted(*rows, None), _fitted(*rows, 0.0)
        return heard if without - with_it >= _EARNED else cls()

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True))

    @classmethod
    def load(cls, path: Path) -> Fusion:
        """Read what `save` wrote; raises `CheckpointMismatch` when the file is something else."""
        try:
            stored = json.loads(path.read_text())
            offsets = {label: float(stored["offsets"][label]) for label in _OTHERS}
            learned = {
                Label(label): {str(name): float(weight) for name, weight in weights.items()}
                for label, weights in stored.get("learned", {}).items()
            }
            return cls(offsets, float(stored["model"]), learned)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointMismatch(f"{path} holds no fusion ({error}); train again") from error


def surprise(mid_rate: float, is_conclusive: bool = False) -> float:
    """What a finding counts, from the share of authentic images that measure higher.

    What half of the authentic images exceed is a surprise of 0, what a tenth exceeds of 2.2, what
    nine tenths exceed of -2.2; what is conclusive is 35 more.
    """
    resolved = min(max(mid_rate, _RESOLVED), 1 - _RESOLVED)
    return math.log1p(-resolved) - math.log(resolved) + _CONCLUSIVE * is_conclusive


def believed(surprises: Floats) -> Floats:
    """``surprises`` as far as a finite reference bears them out, without what is conclusive."""
    most = math.log1p(-_RESOLVED) - math.log(_RESOLVED)
    return np.clip(surprises, -most, most)


def log_odds(logits: Floats) -> Floats:
    """Log-odds ``[n]`` of not being authentic, of class logits ``[n, 3]``."""
    return np.asarray(logsumexp(logits[:, 1:], axis=1) - logits[:, 0], np.float64)


def _margins(verdicts: npt.ArrayLike) -> Floats:
    """What the model says ``[n, 3]`` over what it says of authentic."""
    logits = np.asarray(verdicts, np.float64)
    return logits - logits[:, :1]


def _logits(fusion: Fusion, margins: Floats, surprises: Mapping[str, Floats]) -> Floats:
    columns = [np.zeros(len(margins))]
    columns += [_SLOPE * surprises[label] + fusion.offsets[label] for label in _OTHERS]
    return np.stack(columns, axis=1) + fusion.model * margins


def _fitted(
    margins: Floats,
    surprises: Mapping[str, Floats],
    truth: npt.NDArray[np.intp],
    weights: Floats,
    model: float | None,
) -> tuple[Fusion, float]:
    """The likeliest fusion and its loss; the model's weight is free, or fixed to ``model``."""

    def made(parameters: Floats) -> Fusion:
        *offsets, word = map(float, parameters)
        return Fusion(dict(zip(_OTHERS, offsets, strict=True)), word)

    def loss(parameters: Floats) -> float:
        given = log_softmax(_logits(made(parameters), margins, surprises), axis=1)
        return float(-weights @ given[np.arange(len(truth)), truth])

    free = (0.0, None) if model is None else (model, model)
    found = minimize(loss, np.array([_OFFSET, _OFFSET, 0.0]), bounds=[(-10, 10), (-10, 10), free])
    return made(found.x), float(found.fun)
