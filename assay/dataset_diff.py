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
from assay.sample_shards import opened

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
    values: list[str]
    """Of `_COMPARED`; an empty one is called ``none``."""
    digest: str

    def value(self, name: str) -> str:
        return self.values[_COMPARED.index(name)] or "none"


class _Tally:
    """Counts rows as they pass."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in _TALLIED}
        self._examples: list[str] = []

    def add(self, row: _Row) -> None:
        for name, counted in self._counts.items():
            counted[row.value(name)] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append(row.image_id)

    def part(self) -> Part:
        by = {name: dict(sorted(counted.items())) for name, counted in self._counts.items()}
        return Part(self._counts["label"].total(), by, tuple(self._examples))


class _Found:
    """What was found while the rows of both sides passed."""

    def __init__(self) -> None:
        self.added, self.removed, self.changed = _Tally(), _Tally(), _Tally()
        self.moved: dict[str, Counter[str]] = {}
        self.content = 0

    def compare(self, old: _Row | None, new: _Row) -> None:
        if old is None:
            self.added.add(new)
        elif old.digest != new.digest:
            self.changed.add(new)
            moves = _moves(old, new)
            for name, pair in moves.items():
                self.moved.setdefault(name, Counter())[pair] += 1
            self.content += not moves


def diff(before: Dataset, after: Dataset) -> Difference:
    """Compare ``before`` with ``after``, whose rows are streamed past those of ``before``.

    Raises `StorageError` for shards that hold no digests.
    """
    old, new, found = _counters(), _counters(), _Found()
    left = {row.image_id: row for row in _rows(before, old)}
    for row in _rows(after, new):
        found.compare(left.pop(row.image_id, None), row)
    for row in left.values():
        found.removed.add(row)
    return Difference(
        before=before.version,
        after=after.version,
        rows=(len(before), len(after)),
        added=found.added.part(),
        removed=found.removed.part(),
        changed=found.changed.part(),
        content=found.content,
        transitions={name: dict(counted.most_common()) for name, counted in found.moved.items()},
        counts=_side_by_side(old, new),
        settings=_settings_that_differ(before.path, after.path),
    )


def _counters() -> dict[str, Counter[str]]:
    return {name: Counter() for name in _COMPARED}


def _rows(dataset: Dataset, counters: dict[str, Counter[str]]) -> Iterator[_Row]:
    """Every row in stored order, a shard in memory at a time; its values are counted."""
    for file in sorted(dataset.path.glob("*.parquet")):
        digests = stored_report(file).digests
        with opened(file) as shard:
            table = shard.read(["image_id", *_COMPARED])
        names = table["image_id"].to_pylist()
        columns = [[intern(value) for value in table[name].to_pylist()] for name in _COMPARED]
        for counter, column in zip(counters.values(), columns, strict=True):
            counter.update(column)
        for image_id, digest, *values in zip(names, digests, *columns, strict=True):
            yield _Row(image_id, values, digest)


def _moves(old: _Row, new: _Row) -> dict[str, str]:
    """What changed from one state of a row to another, in words, by column of `_COMPARED`."""
    names = [name for name in _COMPARED if old.value(name) != new.value(name)]
    words = {name: f"{old.value(name)} -> {new.value(name)}" for name in names}
    # Groups are names of photographs: thousands of pairs that nobody would read.
    return words | ({"group": "to another group"} if "group" in words else {})


def _side_by_side(
    old: Mapping[str, Counter[str]], new: Mapping[str, Counter[str]]
) -> dict[str, dict[str, tuple[int, int]]]:
    return {
        name: {
            value or "none": (old[name][value], new[name][value])
            for value in sorted({*old[name], *new[name]})
        }
        for name in COUNTED
    }


def _settings_that_differ(before: Path, after: Path) -> dict[str, tuple[str, str]]:
    old, new = (flatten(read_manifest(path).get("settings", {})) for path in (before, after))
    both = ((name, (old.get(name, "-"), new.get(name, "-"))) for name in sorted({*old, *new}))
    return {name: pair for name, pair in both if pair[0] != pair[1]}
