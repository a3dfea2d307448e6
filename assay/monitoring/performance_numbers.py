"""How well a window was judged, as numbers that are kept: what `performance.measure` returns."""

from __future__ import annotations

from collections.abc import Mapping

from assay.settings import Settings


class Figure(Settings):
    """A value with its 95 % interval, and what it stands on."""

    value: float
    low: float
    high: float
    n: int
    """Captures behind it."""
    groups: int
    """Near-duplicates count once: what an interval may count on."""


class Slice(Settings):
    """The figures of one part of a window."""

    by: str
    """What it is a part by: client, label, stratum."""
    name: str
    n: int
    """Labelled captures with a weight."""
    groups: int
    edited: int = 0
    """Those of the `groups` that people call not authentic."""
    is_enough: bool
    """False where there are too few labels: then `figures` is empty."""
    figures: Mapping[str, Figure] = {}
    """By name, as in `Performance`."""


class Performance(Settings):
    """Figures weighted by the inverse of each capture's selection probability."""

    labelled: int
    """Captures with a human label."""
    n: int
    """Those among them that were selected by design, and so have a weight."""
    groups: int
    is_enough: bool
    """False where there are too few labels: then `figures` is empty."""
    figures: Mapping[str, Figure] = {}
    """By name: precision, recall, auc, ece, agreement and others; what is undefined is absent."""
    slices: tuple[Slice, ...] = ()
