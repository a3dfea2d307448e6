"""Where samples come from: each file is one source, a settings model with `fetch`.

A new source is one new file with one `Source`; its fields are its options.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from assay import plugins
from assay.records import Rejected, Sample
from assay.settings import Settings


class Source(Settings):
    """A place that yields samples."""

    name: ClassVar[str]
    raw_material: ClassVar[bool] = False
    """True where samples are there to be edited into pairs, not to be judged as they are."""
    is_settled: ClassVar[bool] = False
    """True where every sample comes with its final group and split, which nothing may change."""

    @abstractmethod
    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield samples in a stable order, newer than ``since`` (ISO 8601) where that is known.

        What is announced but cannot be read is yielded as `Rejected`.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash that changes when `fetch` would yield something else; cheap, reads no pixels."""


def create(name: str, options: dict[str, Any]) -> Source:
    """Build the source called ``name``; raises `UnknownPlugin` or pydantic's ValidationError."""
    return plugins.find(__name__, Source, name)(**options)
