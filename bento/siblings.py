"""Near-duplicates of an image among what was captured, aligned and compared pixel by pixel.

What cannot be looked up, read or compared in time is left out: siblings help people, and no request
fails or waits for long because of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from assay.duplicates import PerceptualHash
from assay.errors import AssayError, StorageError, StoreUnavailable
from assay.evidence_pool import EvidencePool
from assay.hash_index import SIBLING_DISTANCE, HashIndex
from assay.intake import ImageFacts
from assay.siblings import Comparison, Kinship, relate_encoded
from assay.store import Capture, Store
from assay.store.capture import Sibling as KeptSibling
from bento import decisions

COMPARED = 3
"""Comparisons an image, each of which costs about as much as its evidence."""
_LOOKED_UP = 12
"""Candidates that are looked up for those: some were deleted, or show the same pixels."""
_OVERLAP = timedelta(minutes=10)
"""How long another machine's capture may take into the database, and `catch_up` still finds it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sibling:
    """A captured image that shows the same picture, and what differs."""

    id: str
    """Of its capture."""
    distance: int
    """Bits between the perceptual hashes."""
    is_cleared: bool
    """Whether a person decided that it is authentic, or was altered harmlessly."""
    comparison: Comparison

    @property
    def kind(self) -> Kinship:
        """What the two are to each other."""
        return self.comparison.kind

    def as_kept(self) -> KeptSibling:
        """What is kept of it; ``first`` of each difference is a box in the new image."""
        return KeptSibling(
            id=self.id,
            kind=self.kind.value,
            sentence=self.comparison.sentence,
            share=self.comparison.share,
            distance=self.distance,
            differences=[asdict(place) for place in self.comparison.differences],
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A captured image that may show the same."""

    id: str
    distance: int
    is_cleared: bool
    image: bytes


class Relatives:
    """Finds the siblings of new images; what it knows grows while it serves.

    Knows captures of the last ``days``; gives up after ``patience`` seconds for looking up and as
    many for comparing.
    """

    def __init__(self, store: Store, pool: EvidencePool, days: int, patience: float) -> None:
        self._store, self._pool, self._patience = store, pool, patience
        self._span = timedelta(days=days)
        self._read: datetime | None = None
        self._index = HashIndex()

    def __len__(self) -> int:
        """Captures that new images may be compared with."""
        return len(self._index)

    def catch_up(self, now: datetime) -> None:
        """Get to know what the store holds, also of other machines; raises `StoreUnavailable`."""
        since = now - self._span if self._read is None else self._read - _OVERLAP
        for capture_id, pdq in self._store.captures.fingerprints(since):
            self._index.add(capture_id, _hash(pdq))
        self._read = now

    def remember(self, capture: Capture) -> None:
        """Let later images be compared with this one, if its bytes are kept."""
        if capture.pdq and capture.keep_image and capture.answered_from is None:
            self._index.add(capture.id, _hash(capture.pdq))

    async def of(self, image: bytes, identity: ImageFacts) -> Sequence[Sibling]:
        """Up to `COMPARED` siblings of a new image, the nearest first; raises nothing."""
        looked_up = asyncio.to_thread(self._candidates, identity)
        try:
            candidates = await asyncio.wait_for(looked_up, self._patience)
        except TimeoutError:
            logger.warning("siblings are left out: the store took over %g s", self._patience)
            return []
        found = await self._compared(image, candidates)
        return sorted(found, key=lambda sibling: sibling.distance)

    async def _compared(self, image: bytes, candidates: Sequence[_Candidate]) -> list[Sibling]:
        running = {
            asyncio.wrap_future(self._pool.run(relate_encoded, image, one.image)): one
            for one in candidates
        }
        if not running:
            return []
        try:
            await asyncio.wait(running, timeout=self._patience)
            related = ((one, _outcome(one.id, future)) for future, one in running.items())
            return [
                Sibling(one.id, one.distance, one.is_cleared, comparison)
                for one, comparison in related
                if comparison is not None and comparison.kind is not Kinship.UNRELATED
            ]
        finally:
            for future in running:
                future.cancel()

    def _candidates(self, identity: ImageFacts) -> list[_Candidate]:
        """What to compare with: pictures that differ from this one and from each other."""
        shown, gone = {identity.pixel_digest}, []
        candidates: list[_Candidate] = []
        for capture_id, distance in self._near(identity):
            try:
                capture = self._store.captures.find(capture_id)
                if capture is None or capture.pixel_digest in shown:
                    continue
                candidate = self._candidate(capture, distance)
            except StoreUnavailable as error:
                logger.warning("siblings are left out: %s", error)
                break
            except StorageError as error:
                logger.warning("sibling %s is left out: %s", capture_id, error)
                continue
            if candidate is None:
                gone.append(capture_id)
                continue
            shown.add(capture.pixel_digest)
            candidates.append(candidate)
            if len(candidates) == COMPARED:
                break
        self._index.discard(gone)
        return candidates

    def _near(self, identity: ImageFacts) -> list[tuple[str, int]]:
        """The nearest two, the one that was seen first, and the others by distance.

        Once an edit has gone round, its copies are nearest; what it was made from came before them.
        """
        nearest: dict[str, int] = {}
        for pdq in (identity.pdq, identity.mirrored_pdq):
            hashed = _hash(pdq, identity.pdq_quality)
            for capture_id, distance in self._index.near(hashed, SIBLING_DISTANCE, _LOOKED_UP):
                nearest[capture_id] = min(distance, nearest.get(capture_id, distance))
        ranked = sorted(nearest.items(), key=lambda one: one[1])
        if len(ranked) > COMPARED:
            # Identifiers sort by time.
            ranked.insert(COMPARED - 1, ranked.pop(ranked.index(min(ranked))))
        return ranked

    def _candidate(self, capture: Capture, distance: int) -> _Candidate | None:
        """The image behind a capture, and whether people cleared it; None where it was deleted."""
        if capture.deleted_at is not None:
            return None
        image = self._store.captures.image(capture.id)
        if image is None:
            return None
        is_cleared = decisions.is_cleared(self._store.feedback.decision(capture.id))
        return _Candidate(capture.id, distance, is_cleared, image)


def _outcome(capture_id: str, future: asyncio.Future[Comparison]) -> Comparison | None:
    """What a comparison gave; whatever went wrong with it is logged."""
    if future.cancelled() or not future.done():
        logger.warning("sibling %s is left out: it was not compared in time", capture_id)
        return None
    error = future.exception()
    if error is None:
        return future.result()
    trace = None if isinstance(error, AssayError) else error
    logger.warning("sibling %s is left out: %s", capture_id, error, exc_info=trace)
    return None


def _hash(pdq: str, quality: int = 100) -> PerceptualHash:
    return PerceptualHash(bytes.fromhex(pdq), quality, digest=b"")
