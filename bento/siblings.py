"""Near-duplicates of an image among what was captured, aligned and compared pixel by pixel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from assay.duplicates import PerceptualHash
from assay.evidence_pool import EvidencePool
from assay.hash_index import SIBLING_DISTANCE, HashIndex
from assay.intake import ImageFacts
from assay.records import Label
from assay.siblings import Comparison, Kinship, compare_encoded
from assay.store import Capture, Store
from assay.store.capture import Sibling as KeptSibling
from bento import captures

_COMPARED = 3
"""The nearest candidates are compared; each costs about as much as an image's evidence."""


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


class Relatives:
    """Finds the siblings of new images; its index begins with what the store holds."""

    def __init__(self, store: Store, pool: EvidencePool, days: int) -> None:
        self._store, self._pool, self._days = store, pool, days
        self._index = HashIndex()

    def read_store(self, now: datetime) -> None:
        """Begin with the captures of the last days; raises `StoreUnavailable`."""
        for capture_id, pdq in self._store.captures.fingerprints(now - timedelta(days=self._days)):
            self._index.add(capture_id, _hash(pdq))

    def remember(self, capture: Capture) -> None:
        """Let later images be compared with this one, if its bytes are kept."""
        if capture.pdq and capture.keep_image and capture.answered_from is None:
            self._index.add(capture.id, _hash(capture.pdq))

    async def of(self, image: bytes, identity: ImageFacts) -> Sequence[Sibling]:
        """The siblings of a new image, the nearest first; those that cannot be read are left out.

        Raises what decoding raises.
        """
        candidates = self._candidates(identity)
        compared = await asyncio.gather(*(self._compared(image, *one) for one in candidates))
        return [sibling for sibling in compared if sibling is not None]

    def _candidates(self, identity: ImageFacts) -> list[tuple[str, int]]:
        found = [
            near
            for pdq in (identity.pdq, identity.mirrored_pdq)
            for near in self._index.near(_hash(pdq, identity.pdq_quality), SIBLING_DISTANCE)
        ]
        return sorted(found, key=lambda near: near[1])[:_COMPARED]

    async def _compared(self, image: bytes, capture_id: str, distance: int) -> Sibling | None:
        other = await asyncio.to_thread(self._other, capture_id)
        if other is None:
            return None
        future = self._pool.run(compare_encoded, image, other[0])
        comparison = await asyncio.wrap_future(future)
        if comparison.kind in (Kinship.UNRELATED, Kinship.IDENTICAL):
            return None
        return Sibling(capture_id, distance, other[1], comparison)

    def _other(self, capture_id: str) -> tuple[bytes, bool] | None:
        """Bytes of a captured image, and whether people cleared it; None for a deleted one."""
        capture = self._store.captures.find(capture_id)
        if capture is None or capture.deleted_at is not None:
            return None
        image = self._store.captures.image(capture_id)
        human = captures.human_decision(self._store.feedback.decision(capture_id))
        is_cleared = human is not None and (human.label is Label.AUTHENTIC or human.is_benign)
        return None if image is None else (image, is_cleared)


def _hash(pdq: str, quality: int = 100) -> PerceptualHash:
    return PerceptualHash(bytes.fromhex(pdq), quality, digest=b"")
