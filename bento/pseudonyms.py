"""What people are called towards others: by their role and a number, never by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from assay.store import Decision

KEY = "key:"
"""Begins the name under which a platform's key decides."""


def of(history: Sequence[Decision]) -> dict[str, str]:
    """A pseudonym for everybody in ``history``, numbered by first appearance: ``moderator 1``.

    Whoever decides through an API key is a ``platform``. The same person has another number in
    another history, so that nobody's decisions can be put together.
    """
    counted: Counter[str] = Counter()
    names: dict[str, str] = {}
    for decision in history:
        if decision.who not in names:
            role = "platform" if decision.who.startswith(KEY) else "moderator"
            counted[role] += 1
            names[decision.who] = f"{role} {counted[role]}"
    return names
