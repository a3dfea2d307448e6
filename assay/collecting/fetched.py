"""The images of posts as files: fetched once by address, and known to be pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from assay import images
from assay.collecting.ledger import Item, State
from assay.collecting.settings import CollectSettings
from assay.collectors import Media
from assay.collectors.api import SYSTEM, Clock
from assay.downloading import Downloaded, Downloads, NotDownloaded, Refusal, Wanted
from assay.errors import ImageTooLarge, SourceUnavailable, UnreadableImage
from assay.storage import BLOBS, Storage, Stored, blob_path

Given = Callable[[Media], bytes | None]
"""`Collector.image`: bytes, none where it is gone, None where any address will do."""

_DAY = 86400.0
_DOWN = 5
"""Images in a row that their platform does not give: it gives none, and the walk ends."""


class Fetched:
    """Images in ``folder``, under their digest."""

    def __init__(self, folder: Path, settings: CollectSettings, clock: Clock = SYSTEM) -> None:
        self._settings, self._clock = settings, clock
        self._storage = Storage(str(folder / "images"))
        (folder / "downloads").mkdir(parents=True, exist_ok=True)
        self._downloads = Downloads(folder / "downloads", self._storage)

    def fetch(self, items: Sequence[Item], given: Given) -> Iterator[Item]:
        """Each of ``items`` with its digest, or refused, or put off with the reason.

        Those that only their platform gives come first; others in their order.
        """
        ours: list[Item] = []
        failed = 0
        for item in items:
            if item.digest and self._storage.has(blob_path(item.digest)):
                yield item
                continue
            try:
                data = given(Media(item.url))
            except SourceUnavailable as error:  # of this image, or of all
                failed += 1
                if failed >= _DOWN:
                    raise
                yield self._put_off(item, Refusal.UNREACHABLE, str(error))
                continue
            failed = 0
            if data is not None:
                yield self._judged(item, data)
            else:
                ours.append(item)
        wanted = (Wanted(item.url) for item in ours)
        outcomes = self._downloads.fetch(wanted, self._settings.downloads)
        for item, outcome in zip(ours, outcomes, strict=True):
            yield self._downloaded(item, outcome)

    def read(self, item: Item) -> bytes:
        """The image of ``item``, which has a digest."""
        return self._storage.blob(item.digest)

    def tidy(self, wanted: Collection[str]) -> int:
        """Remove images older than `CollectSettings.keep_days`, but for the digests ``wanted``."""
        end = self._clock.now() - self._settings.keep_days * _DAY
        old = [one.path for one in _before(self._storage, end)]
        gone = [path for path in old if path.rsplit("/", 1)[-1] not in wanted]
        for path in gone:
            self._storage.remove(path)
        return len(gone)

    def _downloaded(self, item: Item, outcome: Downloaded | NotDownloaded) -> Item:
        if isinstance(outcome, NotDownloaded):
            return self._put_off(item, outcome.refusal, outcome.reason)
        return self._judged(item, self._downloads.read(outcome.digest))

    def _put_off(self, item: Item, refusal: Refusal, reason: str) -> Item:
        """``item`` for a later run where that may help, else refused."""
        is_new = self._clock.now() - item.seen < 3600 * self._settings.give_up_hours
        state = State.LATER if refusal.may_pass and is_new else State.REFUSED
        return replace(item, state=state, reason=f"{refusal.value}: {reason}")

    def _judged(self, item: Item, data: bytes) -> Item:
        """``item`` with its digest where ``data`` is a picture, else refused."""
        least = self._settings.min_side
        try:
            size = images.decode(data).size
        except ImageTooLarge as error:
            return _refused(item, f"too_large: {error}")
        except UnreadableImage as error:
            return _refused(item, f"unreadable: {error}" if data else "dead: it is gone")
        if min(size) < least:
            return _refused(item, f"too_small: {size[0]} x {size[1]} pixels, under {least}")
        return replace(item, state=State.WANTED, reason="", digest=self._storage.add(data))


def _refused(item: Item, reason: str) -> Item:
    return replace(item, state=State.REFUSED, reason=reason)


def _before(storage: Storage, end: float) -> Iterable[Stored]:
    return [one for one in storage.list(BLOBS) if one.modified.timestamp() < end]
