"""One way to serve after the other, measured in processes of their own, beside the baseline.

A machine is never equally fast for long. So the baseline stays loaded throughout, and within each
trial both take turns: what is compared was measured within the same seconds. Time spent waiting for
a core does not count (`assay.utilisation.undisturbed`), and of repeated work the fastest counts, as
in `timeit`: other processes can only make it slower.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from assay.errors import WorkerLost
from assay.metrics import Floats
from assay.serving_accuracy import Judge
from assay.serving_pace import Line
from assay.serving_plan import Figures, Latency, Ratios, Trial
from assay.serving_questions import HeldOut
from assay.serving_search import BASELINE, OptimiseSettings
from assay.serving_strategies import recipe_of, unavailable
from assay.serving_worker import Asked, Holders

_QUESTIONS, _BATCHES = 16, 2
"""Of the baseline in a round, and at least of a batch size beside the one that is served with."""


_UNITY = Ratios(throughput=1.0, latency=1.0, end_to_end=1.0)
"""Of the baseline to itself: what rounds in turns would say is noise."""


_STARTING = 15.0
"""Seconds that a process may take before it loads."""


class _Round(NamedTuple):
    """One turn of each."""

    own: Asked
    alone: list[float]
    """Milliseconds of each question that was asked by itself."""
    theirs: Asked
    """Of the baseline."""
    theirs_alone: list[float]


class Trials:
    """Tries ways to serve the model in a folder; the baseline's process ends with the block."""

    def __init__(
        self, model: Path, held_out: HeldOut, settings: OptimiseSettings, logs: Path
    ) -> None:
        self._model, self._held_out, self._settings, self._logs = model, held_out, settings, logs
        self._judge = Judge(model, held_out)
        self._reference: _Reference | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()

    def measure(self, choices: Sequence[str], whole: bool) -> Trial:
        """Try ``choices`` together; ``whole`` takes the way from bytes to verdict too.

        What cannot be measured (it is not available here, it crashed, it took too long) is a trial
        without figures, with the reason.
        """
        chosen = tuple(choices)
        if reasons := [reason for choice in chosen if (reason := unavailable(choice))]:
            return Trial(choices=chosen, reason=f"not available: {'; '.join(reasons)}")
        try:
            return Trial(choices=chosen, figures=self._figures(chosen, whole))
        except WorkerLost as error:
            if self._reference is not None and not self._reference.holders.is_alive:
                self._let_go()  # the next trial has a baseline again
            return Trial(choices=chosen, reason=str(error))

    def _figures(self, choices: tuple[str, ...], whole: bool) -> Figures:
        reference = self._baseline()
        with ExitStack() as stack:
            tried = reference.holders
            if choices != BASELINE:
                tried = stack.enter_context(self._holders(choices))
            loaded = tried.loaded()  # before the rounds: what is slow to load keeps nobody waiting
            tried.grant(self._settings.time_limit)
            rounds = [self._round(number, tried) for number in range(self._settings.rounds)]
            paces = self._paces(choices, tried) if whole else []
            words = self._words(rounds)
            alone = [ms for one in rounds for ms in one.alone]
            p50, p95, p99 = (float(np.percentile(alone, q)) for q in (50, 95, 99))
            gpu = [one.own.gpu for one in rounds if one.own.gpu is not None]
            return Figures(
                load=loaded.seconds,
                size=loaded.size,
                throughput=self._throughput(tried, rounds),
                reasons=tried.explain(self._settings.explained),
                peak_memory=tried.peak_memory(),
                cpu=statistics.mean(one.own.cores for one in rounds),
                gpu=statistics.mean(gpu) if gpu else None,
                latency=Latency(p50=p50, p95=p95, p99=p99),
                end_to_end=max(own for own, _ in paces) if paces else None,
                accuracy=self._judge.accuracy(words, reference.words),
                ratios=_UNITY if choices == BASELINE else _ratios(rounds, paces),
            )

    def _holders(self, choices: tuple[str, ...]) -> Holders:
        log = self._logs / f"{'+'.join(choices)}.log"
        seconds = self._settings.time_limit
        if choices != BASELINE and (limit := self._settings.limits.load):
            seconds = min(seconds, limit + _STARTING)
        return Holders(self._model, recipe_of(choices), self._held_out, log, seconds)

    def _baseline(self) -> _Reference:
        """The loaded baseline; started where there is none, or none any more."""
        if self._reference is None:
            holders = self._holders(BASELINE)
            words = holders.ask(0, len(self._held_out), holders.recipe.batch_size).words
            self._reference = _Reference(holders, words)
        self._reference.holders.grant(2 * self._settings.time_limit)  # it outlives a trial
        return self._reference

    def _let_go(self) -> None:
        if self._reference is not None:
            self._reference.close()
            self._reference = None

    def _round(self, number: int, tried: Holders) -> _Round:
        """The same questions, another part of them each time, to both."""
        settings, reference = self._settings, self._baseline().holders
        share = self._share(tried)
        own = tried.ask(number * share, share, tried.recipe.batch_size)
        theirs = reference.ask(number * share, _QUESTIONS, reference.recipe.batch_size)
        first = number * settings.alone
        alone, theirs_alone = (
            [1000 * seconds for seconds in holders.ask_alone(first, settings.alone)]
            for holders in (tried, reference)
        )
        return _Round(own, alone, theirs, theirs_alone)

    def _share(self, tried: Holders) -> int:
        """Questions of a round: all are asked in all rounds, in whole batches."""
        size = tried.recipe.batch_size * tried.recipe.instances
        return size * math.ceil(len(self._held_out) / self._settings.rounds / size)

    def _words(self, rounds: Sequence[_Round]) -> Floats:
        """What was said of each held-out image ``[n, 3]``."""
        return np.concatenate([one.own.words for one in rounds])[: len(self._held_out)]

    def _throughput(self, tried: Holders, rounds: Sequence[_Round]) -> dict[int, float]:
        alone = min(ms for one in rounds for ms in one.alone)
        rates = {1: 1000 / alone, tried.recipe.batch_size: max(one.own.rate for one in rounds)}
        for size in set(self._settings.batch_sizes) - rates.keys():
            rates[size] = tried.ask(0, size * max(_BATCHES, _QUESTIONS // size), size).rate
        return dict(sorted(rates.items()))

    def _paces(self, choices: tuple[str, ...], tried: Holders) -> list[tuple[float, float]]:
        """Images a second from bytes to verdict: of these choices, and of the baseline."""
        reference = self._baseline()
        files = self._held_out.files[: self._settings.end_to_end]
        theirs = reference.line(self._model)
        if choices == BASELINE:
            return [(pace, pace) for pace in (theirs.rate(files) for _ in range(2))]
        with Line(self._model, tried) as own:
            return [(own.rate(files), theirs.rate(files)) for _ in range(2)]


class _Reference:
    """The loaded baseline, and what it says."""

    def __init__(self, holders: Holders, words: Floats) -> None:
        self.holders, self.words = holders, words
        self._line: Line | None = None

    def line(self, model: Path) -> Line:
        """Its way from bytes to verdict, from the first time on."""
        if self._line is None:
            self._line = Line(model, self.holders)
        return self._line

    def close(self) -> None:
        """End all processes."""
        if self._line is not None:
            self._line.close()
        self.holders.close()


def _ratios(rounds: Sequence[_Round], paces: Sequence[tuple[float, float]]) -> Ratios:
    own, theirs = (max(getattr(one, who).rate for one in rounds) for who in ("own", "theirs"))
    alone = min(ms for one in rounds for ms in one.alone)
    theirs_alone = min(ms for one in rounds for ms in one.theirs_alone)
    whole = max(pace for pace, _ in paces) / max(pace for _, pace in paces) if paces else None
    return Ratios(throughput=own / theirs, latency=alone / theirs_alone, end_to_end=whole)
