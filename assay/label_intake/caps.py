"""How much of what is learned from may come from one party: the bound on a poisoner's share.

A party's images, the older ones included, are at most ``share`` of all images that are learned
from. Which of them stay is drawn by a hash of identifiers that the server chose, so that nobody
can choose for it, and the same images give the same draw.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import floor
from typing import TypeVar

T = TypeVar("T")


def limit(counts: Mapping[str, int], older: Mapping[str, int], base: int, share: float) -> int:
    """The images that a party may have in all, the largest number that its share allows.

    ``counts`` are new images by party, ``older`` those among the ``base`` images that are learned
    from anyway. What others are cut down to makes the whole smaller, hence the fixed point.
    """
    bound = base + sum(counts.values())
    while True:
        total = base + sum(min(n, max(0, bound - older.get(p, 0))) for p, n in counts.items())
        if floor(share * total) >= bound:
            return bound
        bound = floor(share * total)


def split_by_cap(
    items: Sequence[T],
    party: Callable[[T], str],
    name: Callable[[T], str],
    older: Mapping[str, int],
    base: int,
    share: float,
) -> tuple[list[T], list[T]]:
    """Those of ``items`` that stay, in order, and those beyond their party's cap."""
    counts = Counter(map(party, items))
    bound = limit(counts, older, base, share)
    room = {who: max(0, bound - older.get(who, 0)) for who in counts}
    kept: set[str] = set()
    for item in sorted(items, key=lambda item: _draw(name(item))):
        if room[party(item)] > 0:
            room[party(item)] -= 1
            kept.add(name(item))
    stay = [item for item in items if name(item) in kept]
    return stay, [item for item in items if name(item) not in kept]


def _draw(name: str) -> bytes:
    return hashlib.sha256(f"cap/{name}".encode()).digest()
