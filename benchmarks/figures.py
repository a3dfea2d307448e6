"""A measured figure, its target, and the table that both are shown in."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; a figure without a target is there to explain the others."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the target is not reached."""
        too_low = self.at_least is not None and self.value < self.at_least
        return too_low or (self.at_most is not None and self.value > self.at_most)

    @property
    def target(self) -> str:
        """The target in words, empty if there is none."""
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"


def report(measure: Callable[[], Sequence[Figure]]) -> int:
    """Measure and show the figures, or print them as JSON with ``--json``; 1 if one is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    as_json = parser.parse_args().json
    figures = measure()
    if as_json:
        print(json.dumps([asdict(figure) for figure in figures]))
    else:
        show(figures)
    return int(any(figure.missed for figure in figures))


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table("figure", "measured", "target", "")
    for figure in figures:
        verdict = "" if not figure.target else "missed" if figure.missed else "met"
        table.add_row(figure.name, f"{figure.value:.3g} {figure.unit}", figure.target, verdict)
    Console(width=100).print(table)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(rounds: int, *contestants: Callable[[], float]) -> list[float]:
    """Each contestant's median over ``rounds``; within a round they follow one another."""
    results = [[contestant() for contestant in contestants] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*results, strict=True)]
