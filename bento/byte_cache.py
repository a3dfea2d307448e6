"""Things that take long to make, kept within a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sized
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


class ByteCache(Generic[K, V]):
    """Values by key, whose ``len`` is their bytes; beyond ``limit`` the least recently used go.

    Lives on one event loop.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, which counts as used now; None where there is none."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep ``value``, unless it is larger than all may be together."""
        if (old := self._values.pop(key, None)) is not None:
            self._size -= len(old)
        if len(value) > self._limit:
            return
        self._values[key] = value
        self._size += len(value)
        while self._size > self._limit:
            self._size -= len(self._values.popitem(last=False)[1])

    def forget(self, is_gone: Callable[[K], bool]) -> None:
        """Drop the values of those keys, such as what showed a deleted image."""
        for key in [key for key in self._values if is_gone(key)]:
            self._size -= len(self._values.pop(key))
