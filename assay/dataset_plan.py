"""What every shard of a dataset will hold, settled before anything is written.

Pure: the same candidates and settings give the same plan in any process, so a build that was killed
finds its finished shards again.
"""

from __future__ import annotations

import hashlib
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.dataset import DataSettings
from assay.dataset_shards import Candidate, Recipe, Shard
from assay.records import Label, Split

logger = logging.getLogger(__name__)

SHARD_ROWS = 256
SHARD_PAIRS = 32
"""An edit takes far longer than a copy, so a shard of pairs holds fewer."""
SHARD_BYTES = 16 * 2**20
"""Of samples, however few they are: bounds the memory of a worker."""


def plan_shards(
    candidates: Sequence[Candidate],
    manipulations: Sequence[str],
    settings: DataSettings,
    folder: Path,
) -> list[Shard]:
    """All shards of a dataset in ``folder``; each holds rows of one split.

    Without ``manipulations`` every sample enters as it is. With them each authentic sample enters
    as ``settings.pairs_per_sample`` aligned pairs, the manipulations dealt in turn in each split.
    """
    shards: list[Shard] = []
    for split in Split:
        members = [candidate for candidate in candidates if candidate.split is split]
        edited = [m for m in members if manipulations and m.label is Label.AUTHENTIC]
        as_they_are = [m for m in members if not manipulations or m.label is not Label.AUTHENTIC]
        planned = [(Recipe(m.place, m.group, split), _weight(m)) for m in as_they_are]
        planned += [
            (recipe, max(_weight(member), 1 / SHARD_PAIRS))
            for member, recipe in _pairs(edited, split, manipulations, settings)
        ]
        for index, recipes in enumerate(_units(planned)):
            path = folder / f"{split.value}-{index:05d}.parquet"
            shards.append(Shard(path, recipes, settings.pair_size))
    return shards


def _weight(candidate: Candidate) -> float:
    """The part of a shard that a sample fills."""
    return max(1 / SHARD_ROWS, candidate.bytes / SHARD_BYTES)


def _units(planned: Sequence[tuple[Recipe, float]]) -> Iterator[tuple[Recipe, ...]]:
    """Consecutive recipes whose weights sum to one shard."""
    unit: list[Recipe] = []
    filled = 0.0
    for recipe, weight in planned:
        unit.append(recipe)
        filled += weight
        if filled >= 1:
            yield tuple(unit)
            unit, filled = [], 0.0
    if unit:
        yield tuple(unit)


def _pairs(
    members: Sequence[Candidate],
    split: Split,
    manipulations: Sequence[str],
    settings: DataSettings,
) -> Iterator[tuple[Candidate, Recipe]]:
    """The edits of one split's authentic samples; manipulations are dealt round by round."""
    donors = _Donors(members, split)
    shuffled = sorted(members, key=lambda member: _draw(settings.seed, "order", member.image_id))
    for position, member in enumerate(shuffled):
        for repetition in range(settings.pairs_per_sample):
            turn = position * settings.pairs_per_sample + repetition
            donor = donors.draw(member, _draw(settings.seed, str(repetition), member.image_id))
            recipe = Recipe(
                sample=member.place,
                group=member.group,
                split=split,
                manipulation=manipulations[turn % len(manipulations)],
                donor=donor.place,
                seed=settings.seed + repetition,
            )
            yield member, recipe


class _Donors:
    """Other photographs of the same split, drawn without building a list for each sample."""

    def __init__(self, members: Sequence[Candidate], split: Split) -> None:
        self._members = sorted(members, key=lambda member: (member.group, member.image_id))
        self._groups = [member.group for member in self._members]
        if members and self._groups[0] == self._groups[-1]:
            logger.warning(
                "all %s images are of one photograph, so edits take their donors from itself; "
                "add photographs",
                split.value,
            )

    def draw(self, member: Candidate, number: int) -> Candidate:
        """The donor that ``number`` picks among the samples of other groups."""
        first = bisect_left(self._groups, member.group)
        after = bisect_right(self._groups, member.group)
        others = len(self._members) - (after - first)
        if not others:
            return self._members[number % len(self._members)]
        index = number % others
        return self._members[index if index < first else index + after - first]


def _draw(seed: int, purpose: str, image_id: str) -> int:
    digest = hashlib.sha256(f"{seed}/{purpose}/{image_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
