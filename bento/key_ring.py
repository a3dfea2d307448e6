"""API keys, known for a while when the database does not answer: verdicts do not wait for it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from assay.errors import StoreUnavailable
from assay.store import ApiKey
from assay.store.api_keys import ApiKeys
from assay.store.ids import secret_digest

REMEMBERED = 3600.0
"""Seconds for which a key that was good stays good while nobody can say otherwise."""
_MOST = 10_000


class KeyRing:
    """Asks the store at every request, so that revoking counts at once, and remembers."""

    def __init__(self, keys: ApiKeys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._clock = keys, clock
        self._known: OrderedDict[str, tuple[float, ApiKey]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, secret: str) -> ApiKey | None:
        """The key of this secret, None for an unknown or revoked one.

        Raises `StoreUnavailable` where the database does not answer and the key was not seen within
        `REMEMBERED`.
        """
        digest = secret_digest(secret)
        try:
            key = self._keys.find(secret)
        except StoreUnavailable:
            return self._recalled(digest)
        self._remember(digest, key)
        return key

    def _recalled(self, digest: str) -> ApiKey:
        with self._lock:
            at, key = self._known.get(digest, (0.0, None))
        if key is None or self._clock() - at > REMEMBERED:
            raise StoreUnavailable(
                "the database does not answer, and the key is not known here yet"
            )
        return key

    def _remember(self, digest: str, key: ApiKey | None) -> None:
        with self._lock:
            self._known.pop(digest, None)
            if key is not None:
                self._known[digest] = (self._clock(), key)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
