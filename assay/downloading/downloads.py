"""Downloads: a ledger of URLs, a storage of images, and the work between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from assay import fetching, images
from assay.downloading.outcomes import (
    Downloaded,
    DownloadSettings,
    NotDownloaded,
    Refusal,
    Wanted,
)
from assay.errors import ForbiddenAddress, ImageTooLarge, SourceUnavailable, UnreadableImage
from assay.progress import Progress, silent
from assay.storage import Storage


class Downloads:
    """Images by URL, each downloaded once; ``folder`` holds what is known of each URL."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._folder = folder
        self._storage = storage
        self._known: dict[str, Downloaded | NotDownloaded] = {}

    def fetch(
        self, wanted: Iterable[Wanted], settings: DownloadSettings, progress: Progress = silent
    ) -> Iterator[Downloaded | NotDownloaded]:
        """What became of each of ``wanted``, in their order."""
        for done, one in enumerate(wanted, start=1):
            outcome = self.known(one.url) or self._one(one, settings)
            self._known[one.url] = outcome
            yield outcome
            progress(done, 0, "downloads")

    def known(self, url: str) -> Downloaded | NotDownloaded | None:
        """What became of ``url`` when it was last asked; None where it never was."""
        return self._known.get(url)

    def read(self, digest: str) -> bytes:
        """The image under ``digest``; raises `StorageError` where it is missing or damaged."""
        return self._storage.blob(digest)

    def _one(self, wanted: Wanted, settings: DownloadSettings) -> Downloaded | NotDownloaded:
        if not wanted.url:
            return NotDownloaded(wanted.url, Refusal.NO_URL, "the source names no URL")
        asked = fetching.FetchSettings(
            **settings.outbound.model_dump(), max_bytes=settings.max_bytes
        )
        try:
            data = fetching.fetch(wanted.url, asked).data
            photo = images.decode(data)
        except ForbiddenAddress as error:
            return NotDownloaded(wanted.url, Refusal.FORBIDDEN, str(error))
        except ImageTooLarge as error:
            return NotDownloaded(wanted.url, Refusal.TOO_LARGE, str(error))
        except SourceUnavailable as error:
            return NotDownloaded(wanted.url, Refusal.UNREACHABLE, str(error))
        except UnreadableImage as error:
            return NotDownloaded(wanted.url, Refusal.UNREADABLE, str(error))
        digest = self._storage.add(data)
        return Downloaded(wanted.url, digest, len(data), f"image/{photo.format.lower()}")
