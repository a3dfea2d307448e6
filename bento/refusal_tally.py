"""Images that got no answer, counted in memory until background work stores the counts.

A kill loses those of the last half a minute: they tell how traffic is, and no answer rests on them.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime

from assay.errors import AssayError, StorageError
from assay.store import Refusal, Store
from bento.refusals import code_of


class RefusalTally:
    """Counts by day, client and kind of error; safe to share among threads."""

    def __init__(self) -> None:
        self._counts: Counter[Refusal] = Counter()
        self._lock = threading.Lock()

    def count(self, client: str, error: AssayError) -> None:
        """Count an image of ``client`` that ended with ``error``."""
        code = code_of(type(error).__name__)
        with self._lock:
            self._counts[Refusal(datetime.now(UTC).date(), client, code)] += 1

    def store(self, store: Store) -> None:
        """Add all that was counted to ``store``; raises `StorageError`, and goes on counting."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            store.refusals.add(counts)
        except StorageError:
            with self._lock:
                self._counts.update(counts)
            raise
