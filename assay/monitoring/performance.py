"""How well the captures of a window were answered, estimated from what people labelled.

The review queue is no random sample: in it the model looks bad at what it is unsure of, and what it
cleared hardly occurs. Every estimate therefore weighs labels by `assay.monitoring.design`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay import metrics
from assay.metrics import COVERAGE, Bools, Floats, Weighted, ratio
from assay.monitoring.design import Design, design
from assay.monitoring.performance_numbers import Figure, Performance, Slice
from assay.monitoring.settings import PerformanceSettings
from assay.records import Label

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
MOVED, REST = "moved", "rest"
"""Cut by whether images are what drifted, and named so."""
BY_LABEL = "label"
"""Cut by what people say, each kind of edit beside all authentic images."""
BY_COLUMN = ("client", "stratum")


def precision(data: Weighted) -> Floats:
    """Share of the flagged captures that are not authentic ``[r]``."""
    tp, _, fp, _ = data.confusion()
    return ratio(tp, tp + fp)


def recall(data: Weighted) -> Floats:
    """Share of the captures that are not authentic that were flagged ``[r]``."""
    tp, fn, _, _ = data.confusion()
    return ratio(tp, tp + fn)


def prevalence(data: Weighted) -> Floats:
    """Share of the captures that are not authentic ``[r]``."""
    return ratio(data.weights @ data.positive, data.weights.sum(axis=1))


def gap(data: Weighted) -> Floats:
    """Mean score minus prevalence ``[r]``: calibration in the large, above 0 for too many."""
    return ratio(data.weights @ (data.scores - data.positive), data.weights.sum(axis=1))


AGREEMENT, ECE = "agreement", "ece"
"""Whether people and service say the same; expected calibration error."""
METRICS: dict[str, Callable[[Weighted], Floats]] = {
    "auc": metrics.roc_auc,
    "precision": precision,
    "recall": recall,
    ECE: metrics.calibration_error,
    "gap": gap,
    "prevalence": prevalence,
}
"""By name; `AGREEMENT` stands beside them."""
_OF_BOTH = ("auc", "precision", "recall", ECE)
"""What needs labels of either class."""
_OF_A_KIND = ("auc", "recall")
"""What can be said of one kind of edit, beside all authentic images."""


def measure(
    frame: pd.DataFrame, settings: PerformanceSettings, moved: Bools | None = None
) -> Performance | None:
    """The performance over ``frame`` (`assay.monitoring.frame`); None where nobody has labelled.

    ``moved`` ``[captures]`` marks what drifted, and is measured apart from the rest.
    """
    whole = _whole(frame)
    if not whole.design.labels:
        return None
    slices = [*_kinds(whole, settings)]
    for by in BY_COLUMN:
        slices += _columns(frame, by, settings)
    if moved is not None:
        slices += [_slice(_whole(frame[moved], MOVED, MOVED), settings)]
        slices += [_slice(_whole(frame[~moved], MOVED, REST), settings)]
    overall = _slice(whole, settings)
    return Performance(
        labelled=int(frame["human_label"].notna().sum()),
        n=overall.n,
        groups=overall.groups,
        is_enough=overall.is_enough,
        figures=overall.figures,
        slices=tuple(slices),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What one slice is measured on: a design, and which of its rows."""

    by: str
    name: str
    design: Design
    inside: Bools
    names: tuple[str, ...]

    @property
    def labelled(self) -> Bools:
        return (self.design.groups >= 0) & self.inside

    def groups(self, of: Bools) -> int:
        return len(np.unique(self.design.groups[self.labelled & of]))


def _whole(frame: pd.DataFrame, by: str = ALL, name: str = ALL) -> _Part:
    drawn = design(frame)
    return _Part(by, name, drawn, np.ones(len(drawn.scores), bool), (*METRICS, AGREEMENT))


def _columns(frame: pd.DataFrame, by: str, settings: PerformanceSettings) -> Iterator[Slice]:
    """The parts of ``frame`` by a column, largest first; one part alone is the whole."""
    names = frame[by].value_counts().index
    for name in names[: settings.most_slices] if len(names) > 1 else ():
        yield _slice(_whole(frame[frame[by] == name], by, str(name)), settings)


def _kinds(whole: _Part, settings: PerformanceSettings) -> Iterator[Slice]:
    """Each kind of image that is not authentic, beside all that are."""
    for kind in (Label.MANIPULATED, Label.SYNTHESIZED):
        is_kind = whole.design.kinds == kind.value
        part = _Part(
            BY_LABEL, kind.value, whole.design, ~whole.design.positive | is_kind, _OF_A_KIND
        )
        if is_kind.any():
            yield _slice(part, settings)


def _slice(part: _Part, settings: PerformanceSettings) -> Slice:
    positive, everything = part.design.positive, np.ones_like(part.inside)
    groups = part.groups(everything)
    rarer = min(part.groups(positive), part.groups(~positive))
    names = [n for n in part.names if rarer >= settings.least_of_class or n not in _OF_BOTH]
    is_enough = part.design.unseen <= settings.most_unseen and groups >= settings.least_labels
    return Slice(
        by=part.by,
        name=part.name,
        n=int(part.labelled.sum()),
        groups=groups,
        edited=part.groups(positive),
        is_enough=is_enough,
        figures=_figures(part, names, settings) if is_enough else {},
    )


def _figures(part: _Part, names: Sequence[str], settings: PerformanceSettings) -> dict[str, Figure]:
    found: dict[str, list[Floats]] = {name: [] for name in names}
    drawn = part.design.resampled(settings.resamples, settings.seed)
    for weights in (part.design.estimate(), *drawn):
        threshold = np.where(part.design.flagged, -1.0, 2.0)
        data = Weighted(part.design.scores, part.design.positive, weights * part.inside, threshold)
        for name, rows in found.items():
            rows.append(_agreement(data, part) if name == AGREEMENT else METRICS[name](data))
    made = {name: _figure(name, np.concatenate(rows), part) for name, rows in found.items()}
    if error := made.get(ECE):
        made[ECE] = _above_chance(error, part, settings)
    return {name: figure for name, figure in made.items() if figure is not None}


def _above_chance(error: Figure, part: _Part, settings: PerformanceSettings) -> Figure:
    """``error`` with a lower end that is 0 where calibrated scores would err as much by chance.

    What chance does is simulated: labels drawn from the scores ("consistency resampling", Bröcker
    and Smith 2007, "Increasing the reliability of reliability diagrams").
    """
    scores, weights = part.design.scores, part.design.estimate() * part.inside
    _, index = np.unique(part.design.groups, return_inverse=True)
    shape = (settings.resamples, index.max(initial=0) + 1)
    drawn = np.random.default_rng(settings.seed).random(shape)[:, index] < scores
    chance = metrics.calibration_error(Weighted(scores, drawn, weights, 0.0))
    low = error.value - float(np.quantile(chance, (1 + COVERAGE) / 2))
    return error.model_copy(update={"low": max(0.0, min(low, error.low))})


def _agreement(data: Weighted, part: _Part) -> Floats:
    return ratio(data.weights @ part.design.agrees, data.weights.sum(axis=1))


def _figure(name: str, values: Floats, part: _Part) -> Figure | None:
    """The first value with percentiles of the others, which are draws from its posterior.

    A calibration error is larger in a resample than in what was resampled, by about as much as that
    is larger than the truth: its percentiles are turned round (Davison and Hinkley 1997, 5.2).
    """
    value, drawn = float(values[0]), values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not len(drawn):
        return None
    low, high = map(float, np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]))
    if name == ECE:
        low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
    n, groups = int(part.labelled.sum()), part.groups(np.ones_like(part.inside))
    return Figure(value=value, low=min(low, value), high=max(high, value), n=n, groups=groups)
