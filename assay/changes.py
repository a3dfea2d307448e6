"""How two datasets differ: what came, what went, what changed; no image is read.

Rows are compared by the digests that the shards keep in their metadata.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from assay.catalogue import COUNTED, Counts, read_manifest
from assay.dataset import Dataset
from assay.dataset_shards import stored_report
from assay.parameters import flatten

_COMPARED = (*COUNTED, "group")
_TALLIED = ("label", "dataset", "source")
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a dataset: how many, of what kind, and a few of them."""

    count: int
    by: Mapping[str, Counts]
    """Rows by label, by dataset and by source."""
    examples: tuple[str, ...]
    """A few image_ids."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What came, what went and what changed from one dataset to another."""

    before: str
    after: str
    rows: tuple[int, int]
    added: Part
    removed: Part
    changed: Part
    """Rows of the same image_id with another digest: some field of them differs."""
    content: int
    """Changed rows that differ in image, mask, caption or rationale alone."""
    transitions: Mapping[str, Counts]
    """Of the other changed rows, by column: how many went from which value to which."""
    counts: Mapping[str, Mapping[str, tuple[int, int]]]
    """Rows before and after, for each value of each of `assay.catalogue.COUNTED`."""
    settings: Mapping[str, tuple[str, str]]
    """Settings that differ, before and after; a dash where there is none."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What is compared of a row."""

    image_id: str
    values: dict[str, str]
    digest: str


class _Tally:
    """Counts rows as they pass."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in _TALLIED}
        self._examples: list[str] = []

    def add(self, row: _Row) -> None:
        for name, counted in self._counts.items():
            counted[row.values[name]] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append(row.image_id)

    def part(self) -> Part:
        by = {name: dict(sorted(counted.items())) for name, counted in self._counts.items()}
        return Part(self._counts["label"].total(), by, tuple(self._examples))


def diff(before: Dataset, after: Dataset) -> Difference:
    """Compare ``before`` with ``after``, whose rows are streamed past those of ``before``.

    Raises `StorageError` for shards that hold no digests.
    """
    left = {row.image_id: row for row in _rows(before)}
    old = Counter((name, row.values[name]) for row in left.values() for name in COUNTED)
    new: Counter[tuple[str, str]] = Counter()
    added, changed, removed = _Tally(), _Tally(), _Tally()
    moved: dict[str, Counter[str]] = {}
    content = 0
    for row in _rows(after):
        new.update((name, row.values[name]) for name in COUNTED)
        known = left.pop(row.image_id, None)
        if known is None:
            added.add(row)
        elif known.digest != row.digest:
            changed.add(row)
            content += not _note_moves(known, row, moved)
    for row in left.values():
        removed.add(row)
    return Difference(
        before=before.version,
        after=after.version,
        rows=(len(before), len(after)),
        added=added.part(),
        removed=removed.part(),
        changed=changed.part(),
        content=content,
        transitions={name: dict(counted.most_common()) for name, counted in moved.items()},
        counts=_side_by_side(old, new),
        settings=_settings_that_differ(before.path, after.path),
    )


def _rows(dataset: Dataset) -> Iterator[_Row]:
    """Every row in stored order, a shard in memory at a time."""
    import pyarrow.parquet as pq

    for file in sorted(dataset.path.glob("*.parquet")):
        digests = stored_report(file).digests
        with pq.ParquetFile(file) as shard:
            rows = shard.read(["image_id", *_COMPARED]).to_pylist()
        for row, digest in zip(rows, digests, strict=True):
            values = {name: intern(row[name] or "none") for name in _COMPARED}
            yield _Row(row["image_id"], values, digest)


def _note_moves(old: _Row, new: _Row, moved: dict[str, Counter[str]]) -> bool:
    """Count what changed between two states of a row; whether anything of `_COMPARED` did."""
    names = [name for name in _COMPARED if old.values[name] != new.values[name]]
    for name in names:
        # Groups are names of photographs: thousands of pairs that nobody would read.
        pair = "" if name == "group" else f"{old.values[name]} -> {new.values[name]}"
        moved.setdefault(name, Counter())[pair or "to another group"] += 1
    return bool(names)


def _side_by_side(
    old: Mapping[tuple[str, str], int], new: Mapping[tuple[str, str], int]
) -> dict[str, dict[str, tuple[int, int]]]:
    found: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in COUNTED}
    for name, value in sorted({*old, *new}):
        found[name][value] = old.get((name, value), 0), new.get((name, value), 0)
    return found


def _settings_that_differ(before: Path, after: Path) -> dict[str, tuple[str, str]]:
    old, new = (flatten(read_manifest(path).get("settings", {})) for path in (before, after))
    both = ((name, (old.get(name, "-"), new.get(name, "-"))) for name in sorted({*old, *new}))
    return {name: pair for name, pair in both if pair[0] != pair[1]}
