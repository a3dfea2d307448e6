"""Rows that a dataset left out, counted by reason and by kind, with examples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from assay.records import Rejected

PLACE = re.compile(r"^(?P<kind>[a-z][a-z -]*: )?[^:]* (?:line|row|conversation) \d+: ")
"""Where a row stands in its manifest, after the kind, if its reason says so."""
OTHER = "other"
"""The kind of a reason that begins with none."""

_EXAMPLES = 5
_KIND = re.compile(r"([a-z][a-z -]{1,30}): ")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Rows that were left out for one kind of reason."""

    reason: str
    """What the reasons of these rows share: without place, names, numbers and remedy."""
    count: int
    examples: tuple[Rejected, ...]
    """A few of them, with their reasons in full."""


def rejections(rows: Iterable[Rejected]) -> tuple[Rejection, ...]:
    """Rejected rows by kind of reason, the most frequent first."""
    return _counted(rows, _without_names, _EXAMPLES)


def kinds(rows: Iterable[Rejected], every: bool = False) -> tuple[Rejection, ...]:
    """Rejected rows by what stands before the first colon of the reason, most frequent first.

    ``every`` row is an example then, not only a few.
    """
    return _counted(rows, _kind, None if every else _EXAMPLES)


def _counted(
    rows: Iterable[Rejected], named: Callable[[Rejected], str], examples: int | None
) -> tuple[Rejection, ...]:
    found: dict[str, list[Rejected]] = {}
    for row in rows:
        found.setdefault(named(row), []).append(row)
    made = [Rejection(name, len(of), tuple(of[:examples])) for name, of in found.items()]
    return tuple(sorted(made, key=lambda rejection: (-rejection.count, rejection.reason)))


def _kind(row: Rejected) -> str:
    found = _KIND.match(row.reason)
    return found[1] if found else OTHER


def _without_names(row: Rejected) -> str:
    words = PLACE.sub(r"\g<kind>", row.reason).replace(row.image_id, "...")
    words = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|[\w.]*\d[\w.]*", "...", words)
    return re.split(r"[;,]", words)[0].replace(" ...", "").strip()
