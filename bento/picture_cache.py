"""Pictures that take long to draw, kept in memory for a while."""

from __future__ import annotations

from collections import OrderedDict

_LIMIT = 64 * 2**20


class PictureCache:
    """The pictures used last, ``limit`` bytes in all; lives on one event loop."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit, self._size = limit, 0
        self._pictures: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def find(self, image_digest: str, view: str) -> bytes | None:
        """A view of an image; empty where there is nothing to see, None where nobody looked yet."""
        key = image_digest, view
        if key in self._pictures:
            self._pictures.move_to_end(key)
        return self._pictures.get(key)

    def keep(self, image_digest: str, view: str, picture: bytes) -> None:
        """Keep a view, at the cost of those that nobody has asked for longest."""
        self._drop((image_digest, view))
        self._pictures[image_digest, view] = picture
        self._size += len(picture)
        while self._size > self._limit:
            self._drop(next(iter(self._pictures)))

    def forget(self, image_digest: str) -> None:
        """Drop all views of an image that has been deleted."""
        for key in [key for key in self._pictures if key[0] == image_digest]:
            self._drop(key)

    def _drop(self, key: tuple[str, str]) -> None:
        self._size -= len(self._pictures.pop(key, b""))
