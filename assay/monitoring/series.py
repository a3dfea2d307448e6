"""One figure of several windows, and what it may have fallen from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.monitoring.changes import pooled
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.performance import MOVED
from assay.monitoring.performance_numbers import Figure


def of_all(windows: Sequence[WindowNumbers], name: str) -> list[Figure]:
    """A figure of each window that has it."""
    found = [one.performance.figures.get(name) for one in windows if one.performance]
    return [figure for figure in found if figure is not None]


def of_part(windows: Sequence[WindowNumbers], part: str, name: str) -> list[Figure]:
    """A figure of what moved, or of the rest, of each window; none where one lacks it."""
    known = of_slice(windows, (MOVED, part), name)
    return known if len(known) == len(windows) else []


def of_slice(
    windows: Sequence[WindowNumbers], part: tuple[str, str], name: str, edited: int = 0
) -> list[Figure]:
    """A figure of one slice, by what it is cut and its name, of each window that has it.

    ``edited`` is the least number of groups in it that are not authentic.
    """
    slices = [one for w in windows if w.performance for one in w.performance.slices]
    found = [s.figures.get(name) for s in slices if (s.by, s.name) == part and s.edited >= edited]
    return [figure for figure in found if figure is not None]


@dataclass(frozen=True, slots=True)
class Before:
    """What a model's windows may have fallen from."""

    windows: Sequence[WindowNumbers]
    """Its own before those in question, oldest first."""
    promised: Sequence[Figure]
    """The AUC with which it was promoted: one that began to answer just before the traffic changed
    has no calm windows of its own."""
    first: int
    """Figures that count."""

    def bases(self, name: str) -> Iterator[Figure]:
        """What the first ones of all come to, and what was promised.

        The promise holds however many windows there are: where labels come late, the windows that
        fell short of it were the first ones before anybody could tell.
        """
        if own := self.own(name):
            yield pooled(own)
        if name == "auc":
            yield from self.promised

    def own(self, name: str) -> Sequence[Figure]:
        """The first ones of all that the windows have."""
        return of_all(self.windows, name)[: self.first]

    def of_slice(self, part: tuple[str, str], name: str, edited: int) -> Sequence[Figure]:
        """The first ones of one slice, as `series.of_slice` reads it."""
        return of_slice(self.windows, part, name, edited)[: self.first]
