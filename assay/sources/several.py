"""Several sources as one, so that near-duplicates and conflicts are found across all of them.

    data:
      source: several
      options:
        sources:
          mine: {source: folder, options: {path: ~/images}}
          casia: {source: folder, options: {path: ~/casia}}

Names, given groups and splits keep apart what belongs to different sources; only equal and nearly
equal pictures bring their images into one group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr, field_validator

from assay import sources
from assay.errors import ConfigError
from assay.records import Rejected, Sample
from assay.settings import Settings
from assay.sources import Source


class Member(Settings):
    """One of the sources."""

    source: str
    options: dict[str, Any] = Field(default_factory=dict)
    """Its own options."""


class Several(Source):
    """Its members one after the other; every ``image_id`` begins with the member's name."""

    name: ClassVar[str] = "several"

    sources: dict[str, Member] = Field({"photos": Member(source="photos")}, min_length=1)
    """Each source under a name of your choice."""

    _members: dict[str, Source] = PrivateAttr(default_factory=dict)

    @field_validator("sources")
    @classmethod
    def _named(cls, members: dict[str, Member]) -> dict[str, Member]:
        for name in members:
            if not name or "/" in name or not name.isprintable():
                raise ConfigError(f"{name!r} begins image names; give it a name without a slash")
        return members

    def model_post_init(self, _context: Any, /) -> None:
        """Make the members, so that a wrong option is refused before anything is read."""
        for name, member in self.sources.items():
            made = sources.create(member.source, member.options)
            if made.is_settled:
                raise ConfigError(f"{member.source} settles splits itself; build it on its own")
            self._members[name] = made

    def fetch(self, since: str | None = None) -> Iterator[Sample | Rejected]:
        """Yield the samples of each member in its own order."""
        for name, member in self._members.items():
            for row in member.fetch(since):
                yield _prefixed(row, name)

    def fingerprint(self) -> str:
        """A hash of the names and the fingerprints of the members."""
        parts = [(name, member.fingerprint()) for name, member in self._members.items()]
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def _prefixed(row: Sample | Rejected, name: str) -> Sample | Rejected:
    if isinstance(row, Rejected):
        return replace(row, image_id=f"{name}/{row.image_id}")
    return replace(
        row,
        image_id=f"{name}/{row.image_id}",
        source=Several.name,
        group=f"{name}/{row.group}" if row.group else "",
        original=f"{name}/{row.original}" if row.original else "",
    )
