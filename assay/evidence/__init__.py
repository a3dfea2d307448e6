"""Measured evidence: each file examines a photo natively, without knowing its label.

A new kind of evidence is one new file with one `Examiner`; the contract tests find it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar
from weakref import WeakKeyDictionary

from assay import plugins
from assay.records import Hypothesis, Measurement, Photo


class Role(StrEnum):
    """What becomes of a measurement."""

    FUSED = "fused"
    """The model is told of it, and it counts in the verdict."""
    SHOWN = "shown"
    """People see it with its null rate; the model is not told of it and its value counts nothing.
    The manipulation expert may still hold its own map against the one of such a measurement."""
    VERBATIM = "verbatim"
    """Facts that the file itself states; they stand beside the verdict and have no null rate."""


class Examiner(ABC):
    """One kind of evidence."""

    role: ClassVar[Role] = Role.FUSED

    name: ClassVar[str]
    """The measurement's id, snake case."""
    title: ClassVar[str]
    """What is measured, in a few plain words: "local noise inconsistency"."""
    suggests: ClassVar[Hypothesis] = Hypothesis.EDITED
    """What an unusual value speaks for."""
    conclusive: ClassVar[float | None] = None
    """Value from which it counts by itself: under 1 % of authentic images of any kind reach it."""
    points: ClassVar[float] = 0.0
    """How much its heatmap counts in the fused one; from 1 on it marks a place by itself."""

    @abstractmethod
    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo`` at native resolution; never raises on a decodable photo."""

    @classmethod
    @abstractmethod
    def example(cls) -> tuple[Photo, Photo]:
        """A (suspicious, ordinary) pair of small generated photos for the contract tests."""


_FOLDERS = (__name__, "assay.experts")
"""Where examiners are found."""


def examiners() -> dict[str, Examiner]:
    """One instance of every examiner, trained experts included, by name, sorted."""
    kinds = [kind for folder in _FOLDERS for kind in plugins.discover(folder, Examiner).items()]
    return {name: kind() for name, kind in sorted(kinds)}


_examined: WeakKeyDictionary[Photo, dict[str, Measurement]] = WeakKeyDictionary()


def examined(photo: Photo, name: str) -> Measurement:
    """What the examiner called ``name`` measures of ``photo``; each examines a photo once."""
    known = _examined.setdefault(photo, {})
    if name not in known:
        known[name] = examiners()[name].examine(photo)
    return known[name]


def remember(photo: Photo, measurements: Iterable[Measurement]) -> None:
    """Let `examined` answer with what another process measured of ``photo``."""
    _examined.setdefault(photo, {}).update({one.id: one for one in measurements})
