"""In which fact-checks the picture of a new image was seen: context, and never a verdict."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from assay.errors import StorageError
from assay.intake import ImageFacts
from assay.known_images import KnownImage, KnownImages, Match
from assay.store import Capture, Known

logger = logging.getLogger(__name__)

_LONGEST_TITLE = 500
"""Characters: every capture keeps what it was shown, and a stranger wrote it."""


def seen(bank: KnownImages | None, identity: ImageFacts) -> list[Known]:
    """What the bank knows of an image; nothing where it cannot be read, and it raises nothing."""
    if bank is None or identity.hashes is None:
        return []
    try:
        return [_kept(match) for match in bank.near(identity.hashes)]
    except StorageError as error:
        logger.warning("known images are left out: %s", error)
        return []


def still_known(bank: KnownImages | None, capture: Capture) -> Sequence[Known]:
    """What was seen when a capture was served and has not been removed from the bank since."""
    if bank is None or not capture.known_images:
        return []
    try:
        there = bank.find(one.id for one in capture.known_images)
    except StorageError as error:
        logger.warning("known images are left out: %s", error)
        return []
    return [one for one in capture.known_images if _is_same(one, there.get(one.id))]


def entry(bank: KnownImages | None, known: Known) -> KnownImage | None:
    """The entry itself, None where it was removed; raises `StorageError`."""
    found = None if bank is None else bank.find([known.id]).get(known.id)
    return found if _is_same(known, found) else None


def _is_same(known: Known, found: KnownImage | None) -> bool:
    """Whether an entry is what was seen: a bank that is made anew numbers from 1 again."""
    named = known.image_id, known.fact_check_url
    return found is not None and named == (found.image_id, found.fact_check_url)


def _kept(match: Match) -> Known:
    known = match.known
    return Known(
        id=known.id,
        image_id=known.image_id,
        fact_check_url=known.fact_check_url,
        title=known.title[:_LONGEST_TITLE],
        review_date=known.review_date,
        average_distance=match.average_distance,
        phash_distance=match.phash_distance,
        has_image=bool(known.digest),
    )
