"""From measured ways to serve to the one that is chosen, with its reasons; it measures nothing.

Every choice is tried alone. Those within the limits that gain something are then added to one
another, the best first, and each addition has to prove itself in a trial of all together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from assay.errors import WorkerLost
from assay.serving_plan import Figures, Share, Trial
from assay.serving_strategies import Kind, chosen
from assay.settings import Seed, Settings

BASELINE = ("fp32",)
"""What everything is compared with: single precision, and else as the model was trained."""
WHOLE = frozenset({Kind.WORKERS})
"""Kinds that change nothing while the model answers: they are judged from bytes to verdict."""


class Objective(StrEnum):
    """What is to be best."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    MEMORY = "memory"
    WEIGHTED = "weighted"


class Weights(Settings):
    """How much each ratio counts in the objective ``weighted``: exponents of their product."""

    latency: float = Field(1.0, ge=0)
    throughput: float = Field(1.0, ge=0)
    memory: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _count_something(self) -> Self:
        if self.latency + self.throughput + self.memory == 0:
            raise ValueError("one of them has to count")
        return self


class Limits(Settings):
    """What no plan may do; those of accuracy are against the baseline on the same images."""

    auc_drop: Share = 0.005
    word_auc_drop: Share | None = 0.01
    """Of what the model alone says, which may count for nothing in the verdict."""
    flips: Share = 0.01
    """Share of verdicts that are others."""
    word_flips: Share | None = 0.02
    """Share of images of which the model alone says another word."""
    ece_rise: Share = 0.01
    latency_p95: float | None = Field(None, gt=0)
    """Milliseconds."""
    peak_memory: float | None = Field(None, gt=0)
    """Megabytes."""
    load: float | None = Field(20.0, gt=0)
    """Seconds until the first question is answered: a rollback waits so long. A trial that takes
    longer is ended then."""

    def as_dict(self) -> dict[str, float]:
        """Those that are set."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class OptimiseSettings(Settings):
    """What is to be best, what has to hold, and how much is measured."""

    objective: Objective = Objective.THROUGHPUT
    weights: Weights = Weights()
    limits: Limits = Limits()
    worthwhile: float = Field(0.05, ge=0)
    """A gain below this share is taken for noise."""
    strategies: tuple[str, ...] | None = None
    """Choices that are tried, such as ``bf16`` or ``batch_size=8``; None for all there are."""
    together: int = Field(6, ge=0)
    """Trials of several choices at once, at most."""
    images_per_class: int = Field(48, ge=1)
    """Held-out authentic images, and as many others."""
    rounds: int = Field(3, ge=1)
    """A trial and the baseline take turns so often."""
    alone: int = Field(12, ge=1)
    """Questions of a round that are asked one at a time."""
    explained: int = Field(4, ge=1)
    """Questions whose reasons are written."""
    end_to_end: int = Field(24, ge=1)
    """Images of a round from bytes to verdict."""
    batch_sizes: tuple[int, ...] = (1, 4, 16)
    """Beside the one that is served with."""
    time_limit: float = Field(90.0, gt=0)
    """Seconds that one trial may take."""
    seed: Seed = 0


Measure = Callable[[tuple[str, ...], bool], Trial]
"""Tries some choices; True for the way from bytes to verdict too."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    best: Trial
    """Of the choices that are to serve; its figures hold the way from bytes to verdict."""
    baseline: Figures
    trials: tuple[Trial, ...]
    """All others, each with its reason where it is not chosen."""
    reasons: tuple[str, ...]


def search(measure: Measure, settings: OptimiseSettings, choices: Iterable[str]) -> Found:
    """The best of ``choices`` alone or together, as ``measure`` finds them; the order says nothing.

    Only what was measured, within the limits, is chosen: `BASELINE` where nothing else is. Raises
    `WorkerLost` where that cannot be measured.
    """
    baseline = measure(BASELINE, True)
    if baseline.figures is None:
        raise WorkerLost(f"the model cannot be tried even as it was trained: {baseline.reason}")
    searching = _Search(measure, settings, baseline, baseline.figures)
    return searching.run(sorted(set(choices) - set(BASELINE)))


def gain(figures: Figures, baseline: Figures, settings: OptimiseSettings) -> float:
    """How many times as good as the baseline, by the objective of ``settings``."""
    ratios = figures.ratios
    better = {
        Objective.THROUGHPUT: ratios.throughput,
        Objective.LATENCY: 1 / ratios.latency,
        Objective.MEMORY: baseline.peak_memory / figures.peak_memory,
    }
    if settings.objective is not Objective.WEIGHTED:
        return better[settings.objective]
    weights = {Objective(name): weight for name, weight in settings.weights.model_dump().items()}
    total = sum(weights[name] * math.log(value) for name, value in better.items())
    return math.exp(total / sum(weights.values()))


def broken(figures: Figures, baseline: Figures, limits: Limits) -> list[str]:
    """Which of ``limits`` these figures break, a phrase each; none for a good way to serve."""
    ours, theirs = figures.accuracy, baseline.accuracy
    excesses: list[tuple[str, float | None, float | None, str]] = [
        ("AUC falls by", _drop(theirs.auc, ours.auc), limits.auc_drop, ".4f"),
        (
            "AUC of the words falls by",
            _drop(theirs.word_auc, ours.word_auc),
            limits.word_auc_drop,
            ".4f",
        ),
        ("calibration error rises by", _drop(ours.ece, theirs.ece), limits.ece_rise, ".4f"),
        ("share of verdicts flipped", ours.flips, limits.flips, ".1%"),
        ("share of words flipped", ours.word_flips, limits.word_flips, ".1%"),
        ("p95 in ms", figures.latency.p95, limits.latency_p95, ".1f"),
        ("peak memory in MB", figures.peak_memory, limits.peak_memory, ".0f"),
        ("load time in s", figures.load, limits.load, ".1f"),
    ]
    return [
        f"{what} {value:{form}} (limit {limit:{form}})"
        for what, value, limit, form in excesses
        if value is not None and limit is not None and not value <= limit
    ]


def described(trial: Trial, baseline: Figures) -> str:
    """What some choices do, in a sentence for a reader."""
    figures = trial.figures
    if figures is None:
        return f"{trial.name}: {trial.reason}"
    said = [f"{figures.ratios.throughput:.2f} times the images/s of fp32"]
    said.append(f"{figures.ratios.latency:.2f} times its latency")
    if figures.ratios.end_to_end is not None:
        said.append(f"{figures.ratios.end_to_end:.2f} times its images/s from bytes to verdict")
    said += [_auc(figures, baseline), _flips(figures)]
    return f"{trial.name}: {', '.join(said)}"


@dataclass(frozen=True, slots=True)
class _Search:
    measure: Measure
    settings: OptimiseSettings
    baseline: Trial
    figures: Figures

    def run(self, choices: Sequence[str]) -> Found:
        singles = {one: self._tried(added(BASELINE, one), _is_whole(one)) for one in choices}
        singles = {one: self._lame(one, trial) for one, trial in singles.items()}
        fits = [one for one, trial in singles.items() if not trial.reason]
        model = {one: singles[one] for one in fits if not _is_whole(one)}
        whole = {one: singles[one] for one in fits if _is_whole(one)}
        best, tried = self._together(self.baseline, model, whole=False)
        best, again = self._finished(best)
        best, more = self._together(best, whole, whole=True)
        others = [
            t for t in (*singles.values(), *tried, *again, *more) if t.choices != best.choices
        ]
        left_out = tuple(self._left_out(trial, best) for trial in others)
        return Found(best, self.figures, left_out, self._reasons(best, singles))

    def _tried(self, choices: tuple[str, ...], whole: bool) -> Trial:
        """A measured trial, with the limits that it breaks as its reason."""
        trial = self.measure(choices, whole)
        if trial.figures is None:
            return trial
        reasons = broken(trial.figures, self.figures, self.settings.limits)
        return trial.model_copy(update={"reason": "; ".join(reasons)})

    def _lame(self, choice: str, trial: Trial) -> Trial:
        """``trial`` of one choice, with a reason where it gains too little."""
        value = self._value(trial, _is_whole(choice))
        needed = self._value(self.baseline, _is_whole(choice)) * (1 + self.settings.worthwhile)
        if trial.reason or value >= needed:
            return trial
        return trial.model_copy(update={"reason": f"no gain: {value:.2f} times as good as fp32"})

    def _together(
        self, best: Trial, candidates: Mapping[str, Trial], whole: bool
    ) -> tuple[Trial, list[Trial]]:
        """Add ``candidates`` to ``best`` one after the other, as long as it helps."""
        tried: list[Trial] = []
        found = sorted(candidates, key=lambda one: (-self._value(candidates[one], whole), one))
        for one in found:
            taken = {_kind(choice) for choice in best.choices} - {_kind(BASELINE[0])}
            if _kind(one) in taken or len(tried) >= self.settings.together:
                continue
            trial = candidates[one]
            if best.choices != BASELINE:
                trial = self._tried(added(best.choices, one), whole)
                tried.append(trial)
            needed = self._value(best, whole) * (1 + self.settings.worthwhile)
            if not trial.reason and self._value(trial, whole) >= needed:
                best = trial
        return best, tried

    def _finished(self, best: Trial) -> tuple[Trial, list[Trial]]:
        """``best`` with its way from bytes to verdict, measured once more where that is unknown."""
        if best.figures is not None and best.figures.ratios.end_to_end is not None:
            return best, []
        again = self._tried(best.choices, True)
        return (self.baseline, [again]) if again.reason else (again, [])

    def _value(self, trial: Trial, whole: bool) -> float:
        """How many times as good as the baseline: from bytes to verdict, or by the objective."""
        if trial.figures is None:
            return 0.0
        if whole:
            return trial.figures.ratios.end_to_end or 0.0
        if trial is self.baseline and broken(self.figures, self.figures, self.settings.limits):
            return 0.0  # anything within the limits is better
        return gain(trial.figures, self.figures, self.settings)

    def _left_out(self, trial: Trial, best: Trial) -> Trial:
        """``trial`` with a reason, unless it is part of the best."""
        if trial.reason or set(trial.choices) - set(BASELINE) <= set(best.choices):
            return trial
        return trial.model_copy(update={"reason": f"{best.name} is better"})

    def _reasons(self, best: Trial, singles: Mapping[str, Trial]) -> tuple[str, ...]:
        parts = [trial for one, trial in singles.items() if one in best.choices]
        said = [described(trial, self.figures) for trial in parts]
        if len(parts) > 1:
            said.append(f"together, {described(best, self.figures)}")
        if not parts:
            limits = broken(self.figures, self.figures, self.settings.limits)
            said = [
                f"nothing that was tried is within the limits: fp32 has {'; '.join(limits)}"
                if limits
                else "nothing that was tried is better than fp32 within the limits"
            ]
        for one, trial in singles.items():
            if one not in best.choices:
                state = "not tried" if trial.figures is None else "left out"
                said.append(f"{one} {state}: {self._left_out(trial, best).reason}")
        return tuple(said)


def added(choices: Sequence[str], one: str) -> tuple[str, ...]:
    """``choices`` with ``one`` in the place of what settled the same before, sorted."""
    kept = [choice for choice in choices if _kind(choice) is not _kind(one)]
    return tuple(sorted([*kept, one]))


def _is_whole(choice: str) -> bool:
    return _kind(choice) in WHOLE


def _kind(choice: str) -> Kind:
    return chosen(choice)[0].kind


def _drop(before: float | None, after: float | None) -> float | None:
    """How far a figure falls; all the way where it is no longer defined."""
    if before is None:
        return None
    return before if after is None else before - after


def _auc(figures: Figures, baseline: Figures) -> str:
    ours, theirs = figures.accuracy.auc, baseline.accuracy.auc
    if ours is None or theirs is None:
        return "AUC not defined"
    unchanged = "unchanged " if abs(ours - theirs) < 0.0005 else ""
    return f"AUC {unchanged}({ours - theirs:+.3f})"


def _flips(figures: Figures) -> str:
    count = round(figures.accuracy.flips * figures.accuracy.images)
    return "no verdict flipped" if count == 0 else f"{count} verdicts flipped"
