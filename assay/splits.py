"""Splits by group: near-duplicates stay together, shares are kept, labels stay balanced.

A source's own splits win. What it leaves open is filled greedily, largest groups first, each into
the split that lacks most of what the group holds (after Sechidis, Tsoumakas and Vlahavas 2011, "On
the stratification of multi-label data", with groups in place of examples).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.records import Split

_HELD_OUT_FIRST = (
    Split.PRODUCTION,
    Split.ONLINE_TEST,
    Split.TEST,
    Split.NEWEST,
    Split.VALIDATION,
    Split.TRAIN,
)
"""A group whose rows were given several splits goes to the first of these."""

_Counts = npt.NDArray[np.float64]
_Shares = Mapping[Split, float]
_Choices = Mapping[str, tuple[Split, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """What the choice of a split depends on."""

    group: str
    stratum: str
    """Rows of one stratum (a dataset's label) are spread over all splits."""
    split: Split | None = None
    """The source's own, if any."""


def assign_splits(rows: Sequence[Row], shares: _Shares, seed: int) -> list[Split | None]:
    """A split for each row, in order, the same for a whole group; None where a row must go.

    ``shares`` sum to 1 and are met as well as whole groups allow; no split with a share stays empty
    while there are groups to fill it. A split that the source never names is taken out of its
    training groups. Where the source tore a group apart, the split held out most keeps its rows,
    and the others, which would leak, must go.
    """
    if not rows:
        return []
    shares = {split: share for split, share in shares.items() if share > 0}
    holdings, given = _holdings(rows), _given(rows)
    choices = _choices(holdings, given, shares)
    fixed = {group: split for group, split in given.items() if group not in choices}
    chosen = fixed | _filled(holdings, choices, _wanted(holdings, choices, fixed, shares), seed)
    torn = [row.split not in {None, given.get(row.group)} for row in rows]
    return [None if out else chosen[row.group] for row, out in zip(rows, torn, strict=True)]


def _holdings(rows: Sequence[Row]) -> dict[str, _Counts]:
    """The rows of each group by stratum, as shares of the stratum, so that rare ones weigh alike.

    A vector ``[strata]`` for each group; over all groups each stratum sums to 1.
    """
    strata = {stratum: index for index, stratum in enumerate(sorted({r.stratum for r in rows}))}
    holdings = {row.group: np.zeros(len(strata)) for row in rows}
    for row in rows:
        holdings[row.group][strata[row.stratum]] += 1
    total = _sum(holdings, holdings)
    return {group: counts / total for group, counts in holdings.items()}


def _given(rows: Sequence[Row]) -> dict[str, Split]:
    """The source's own split of each group that has one."""
    given: dict[str, Split] = {}
    for row in rows:
        if row.split is not None:
            both = {row.split, given.get(row.group, row.split)}
            given[row.group] = min(both, key=_HELD_OUT_FIRST.index)
    return given


def _choices(
    groups: Iterable[str], given: Mapping[str, Split], shares: _Shares
) -> dict[str, tuple[Split, ...]]:
    """The splits that each group may still go to, where there is a choice."""
    unnamed = tuple(split for split in shares if split not in given.values())
    choices: dict[str, tuple[Split, ...]] = {}
    for group in groups:
        if group not in given:
            choices[group] = tuple(shares)
        elif given[group] is Split.TRAIN and unnamed:
            choices[group] = (Split.TRAIN, *unnamed)
    return choices


def _wanted(
    holdings: Mapping[str, _Counts],
    choices: _Choices,
    fixed: Mapping[str, Split],
    shares: _Shares,
) -> dict[Split, _Counts]:
    """What each split that is still open lacks, ``[strata]``."""
    taken = {
        split: _sum(holdings, [group for group in fixed if fixed[group] is split])
        for split in set().union(*choices.values())
    }
    pool = _sum(holdings, choices) + sum(taken.values())
    whole = sum(shares[split] for split in taken)
    return {
        split: pool * shares[split] / whole - taken[split] for split in shares if split in taken
    }


def _filled(
    holdings: Mapping[str, _Counts],
    choices: _Choices,
    wanted: Mapping[Split, _Counts],
    seed: int,
) -> dict[str, Split]:
    """Put each group with a choice into the split that lacks most of what the group holds."""
    lacking, empty = dict(wanted), set(wanted)
    chosen: dict[str, Split] = {}
    order = sorted(choices, key=lambda group: (-holdings[group].sum(), _draw(seed, group)))
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        reserved = [split for split in choices[group] if split in empty and left <= len(empty)]
        candidates = reserved or choices[group]
        split = max(candidates, key=lambda split: float(holdings[group] @ lacking[split]))
        lacking[split] = lacking[split] - holdings[group]
        empty.discard(split)
        chosen[group] = split
    return chosen


def _sum(holdings: Mapping[str, _Counts], groups: Iterable[str]) -> _Counts:
    strata = next(iter(holdings.values())).size
    total: _Counts = sum((holdings[group] for group in groups), np.zeros(strata))
    return total


def _draw(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}:{group}".encode()).digest()
