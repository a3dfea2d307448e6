"""Downloads: a ledger of URLs, a storage of images, and the work between them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sized
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from assay.downloading.ledger import Ledger
from assay.downloading.outcomes import (
    Downloaded,
    DownloadSettings,
    NotDownloaded,
    Wanted,
    lies,
)
from assay.downloading.work import Outcome, Work
from assay.locks import exclusive
from assay.progress import Progress, silent
from assay.storage import Storage

_LOCK = "downloads.lock"


class Downloads:
    """Images by URL, each downloaded once; ``folder`` holds what is known of each URL.

    Every method raises `StorageError` where folder or storage fail.
    """

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._folder, self._storage = folder, storage
        self._ledger = Ledger(folder)

    def fetch(
        self,
        wanted: Iterable[Wanted],
        settings: DownloadSettings,
        progress: Progress = silent,
    ) -> Iterator[Downloaded | NotDownloaded]:
        """What becomes of each of ``wanted``, in their order.

        ``wanted`` is drawn lazily, at most ``settings.look_ahead`` ahead. What is finished is
        recorded at once, so a call that is broken off or killed goes on where it stopped. Raises
        `StorageError` while another process downloads into this folder, too.
        """
        refusal = f"another process downloads into {self._folder}; wait for its end"
        with (
            exclusive(self._folder / _LOCK, refusal),
            Work(self._ledger, self._storage, settings) as work,
        ):
            counts: Counter[str] = Counter()
            total = len(wanted) if isinstance(wanted, Sized) else 0
            for done, outcome in enumerate(_in_order(wanted, work, settings.look_ahead), start=1):
                counts[_word(outcome)] += 1
                yield outcome
                progress(done, total, f"downloads ({_told(counts)})")

    def known(self, url: str) -> Downloaded | NotDownloaded | None:
        """What became of ``url`` when it was last asked; None where it never was."""
        entry = self._ledger.entry(url)
        return None if entry is None else entry.outcome

    def counts(self) -> dict[str, int]:
        """How many URLs are known with each outcome ("downloaded" or a `Refusal`)."""
        return self._ledger.counts()

    def read(self, digest: str) -> bytes:
        """The image under ``digest``; raises `StorageError` where it is missing or damaged."""
        return self._storage.blob(digest)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()


def _in_order(wanted: Iterable[Wanted], work: Work, look_ahead: int) -> Iterator[Outcome]:
    """Outcomes in the order of ``wanted``, handed out as soon as the first of them stands."""
    pending: deque[tuple[Wanted, Future[Outcome]]] = deque()
    open_: dict[str, Future[Outcome]] = {}
    for one in wanted:
        if one.url not in open_:
            open_[one.url] = work.begin(one)
        pending.append((one, open_[one.url]))
        while pending and (len(pending) >= look_ahead or pending[0][1].done()):
            yield _first(pending, open_, work)
    while pending:
        yield _first(pending, open_, work)


def _first(
    pending: deque[tuple[Wanted, Future[Outcome]]],
    open_: dict[str, Future[Outcome]],
    work: Work,
) -> Outcome:
    wanted, future = pending.popleft()
    outcome = work.wait(future)
    open_.pop(wanted.url, None)
    if isinstance(outcome, NotDownloaded):
        return outcome
    return replace(outcome, lies=lies(wanted, outcome))


def _word(outcome: Outcome) -> str:
    return "downloaded" if isinstance(outcome, Downloaded) else outcome.refusal.value


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.most_common())
