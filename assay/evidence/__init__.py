"""Measured evidence: each file examines a photo natively, without knowing its label.

A new kind of evidence is one new file with one `Examiner`; the contract tests find it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from assay import plugins
from assay.records import Measurement, Photo


class Examiner(ABC):
    """One kind of evidence."""

    name: ClassVar[str]
    """The measurement's id, snake case."""
    title: ClassVar[str]
    """What is measured, in a few plain words: "local noise inconsistency"."""

    @abstractmethod
    def examine(self, photo: Photo) -> Measurement:
        """Measure ``photo`` at native resolution; never raises on a decodable photo."""

    @classmethod
    @abstractmethod
    def example(cls) -> tuple[Photo, Photo]:
        """A (suspicious, ordinary) pair of small generated photos for the contract tests."""


def examiners() -> dict[str, Examiner]:
    """One instance of every examiner, by name, sorted."""
    return {name: kind() for name, kind in plugins.discover(__name__, Examiner).items()}
