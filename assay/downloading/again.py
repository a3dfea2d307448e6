"""When a URL is asked again: in this call after a failure, in a later one after days."""

from __future__ import annotations

import random

from assay.downloading.ledger import Entry
from assay.downloading.outcomes import DownloadSettings, Refusal

_DAY, _HOUR = 86_400.0, 3600.0


def is_fresh(entry: Entry, settings: DownloadSettings, now: float) -> bool:
    """Whether what the ledger knows stands at ``now`` (seconds since the epoch) without asking."""
    if entry.image is not None and settings.refresh_days is None:
        return True
    age = now - entry.checked_at
    if entry.failure is None:
        return age < (settings.refresh_days or 0.0) * _DAY
    if entry.failure.refusal is Refusal.FORBIDDEN:
        return False  # asking costs nothing, and what is allowed may have changed
    if entry.failure.refusal.may_pass:
        return age < settings.failed_hours * _HOUR
    return age < settings.dead_days * _DAY


def backoff(failures: int, settings: DownloadSettings) -> float:
    """Seconds before the next attempt: exponential, the second half of each drawn at random."""
    longest: float = settings.backoff_seconds * 2 ** (failures - 1)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
