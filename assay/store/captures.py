"""What was served: appended through the spool, read from wherever it has got to."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.errors import IdempotencyConflict, NotCaptured
from assay.records import Label
from assay.store import sibling_links
from assay.store.capture import Capture, Sibling
from assay.store.database import Database, insert_new
from assay.store.drainer import Drainer
from assay.store.ids import new_id
from assay.store.image_files import ImageFiles
from assay.store.settings import StoreSettings
from assay.store.spool import Spool
from assay.store.tables import CaptureRow, IdempotencyRow, ImageRow


@dataclass(frozen=True, slots=True)
class CaptureFilter:
    """Which captures a listing shows; None and empty leave all."""

    label: Label | None = None
    client: str = ""
    external_id: str = ""
    needs_review: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


class Captures:
    """Captures by identifier, by pixels, and as a list."""

    def __init__(
        self,
        database: Database,
        spool: Spool,
        images: ImageFiles,
        drainer: Drainer,
        settings: StoreSettings,
    ) -> None:
        self._database, self._spool = database, spool
        self._images, self._drainer = images, drainer
        self._audit_share, self._review_share = settings.audit_share, settings.review_share

    def id_for(self, client: str, key: str, body_digest: str) -> str:
        """The identifier that a request with this idempotency key has, the same at each repeat.

        Whoever asks again looks with `find` first; while the first request is still on its way
        (or was killed) there is nothing to find, and serving it again under the same identifier
        is right: of several `append` the first counts. Raises `IdempotencyConflict` where the key
        was used with another body, `StoreUnavailable` where that cannot be known.
        """
        row = {
            "client": client,
            "key": key,
            "body_digest": body_digest,
            "capture_id": new_id(),
            "created_at": self._database.now(),
        }
        with self._database.writing() as session:
            insert_new(session, IdempotencyRow, row)
            first = session.get_one(IdempotencyRow, (client, key))
        if first.body_digest != body_digest:
            raise IdempotencyConflict(
                f"Idempotency-Key {key!r} was first used with another body; send a new key, or "
                "the same body"
            )
        return first.capture_id

    def append(self, capture: Capture, image: bytes, *, is_keyed: bool = False) -> Capture:
        """Make a served request durable on this machine, and draw whether people see it.

        ``image`` are the bytes as received; they are not written where `keep_image` is False.
        Returns the capture as it counts: the first one of its identifier, which only a request
        with an idempotency key (``is_keyed``) can share. Once this returns, a kill loses nothing.
        Raises `StorageError` when the disk does not take it.
        """
        if is_keyed and (first := self.find(capture.id)) is not None:
            return first
        digest = hashlib.sha256(image).hexdigest()
        drawn = capture.model_copy(update={"image_digest": digest}).drawn(
            self._audit_share, self._review_share
        )
        is_new = self._spool.append(drawn, image if drawn.keep_image else b"")
        if is_new:
            self._drainer.wake()
            return drawn
        return self.find(capture.id) or drawn

    def find(self, capture_id: str) -> Capture | None:
        """The capture of this identifier, None if there is none; deleted ones are redacted."""
        if entry := self._spool.find(capture_id):
            return entry.capture
        with self._database.reading() as session:
            row = session.get(CaptureRow, capture_id)
            return None if row is None else as_capture(row)

    def find_all(self, capture_ids: Collection[str]) -> Mapping[str, Capture]:
        """The captures among these identifiers, by identifier, as `find` gives them."""
        spooled = {each: self._spool.find(each) for each in capture_ids}
        found = {each: entry.capture for each, entry in spooled.items() if entry is not None}
        query = sa.select(CaptureRow).where(CaptureRow.id.in_(set(capture_ids) - set(found)))
        with self._database.reading() as session:
            return found | {row.id: as_capture(row) for row in session.scalars(query)}

    def get(self, capture_id: str) -> Capture:
        """The capture of this identifier; raises `NotCaptured` for an unknown or deleted one."""
        capture = self.find(capture_id)
        if capture is None or capture.deleted_at is not None:
            raise _missing(capture_id)
        return capture

    def image(self, capture_id: str) -> bytes | None:
        """The image as received, None where the client opted out of keeping it.

        Raises `NotCaptured` as `get`, `StorageError` where the image store fails.
        """
        if entry := self._spool.find(capture_id):
            return entry.image or None
        self.get(capture_id)
        with self._database.reading() as session:
            path = session.scalar(
                sa.select(ImageRow.path)
                .join(CaptureRow, CaptureRow.kept_image == ImageRow.digest)
                .where(CaptureRow.id == capture_id)
            )
        return None if path is None else self._images.read(path)

    def find_pixels(self, pixel_digest: str) -> Capture | None:
        """The newest capture of a pixel-equal image, None if it was never seen."""
        if entry := self._spool.find_pixels(pixel_digest):
            return entry.capture
        query = (
            sa.select(CaptureRow)
            .where(CaptureRow.pixel_digest == pixel_digest)
            .order_by(CaptureRow.id.desc())
            .limit(1)
        )
        with self._database.reading() as session:
            row = session.scalar(query)
            return None if row is None else as_capture(row)

    def named_by(self, capture_id: str, limit: int = 50) -> Sequence[Capture]:
        """Up to ``limit`` later captures that list this one as a sibling, newest first.

        They are found once the database holds them, moments after they were served.
        """
        with self._database.reading() as session:
            rows = sibling_links.naming(session, capture_id, limit)
            return [as_capture(row) for row in rows]

    def siblings(self, capture_id: str, limit: int = 50) -> Sequence[Sibling]:
        """All near-duplicates of a capture, those that came later first (``limit`` of them).

        ``first`` of a difference is this capture's side whichever came first. Raises
        `NotCaptured`.
        """
        return self.siblings_of(self.get(capture_id), limit)

    def siblings_of(self, capture: Capture, limit: int = 50) -> Sequence[Sibling]:
        """`siblings` of a capture that is at hand."""
        later = self.named_by(capture.id, limit)
        return [*(sibling_links.seen_from(capture.id, one) for one in later), *capture.siblings]

    def page(
        self, chosen: CaptureFilter = CaptureFilter(), before: str = "", limit: int = 50
    ) -> Sequence[Capture]:
        """Up to ``limit`` captures that the database holds, newest first, older than ``before``."""
        query = sa.select(CaptureRow).where(*conditions(chosen))
        if before:
            query = query.where(CaptureRow.id < before)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(CaptureRow.id.desc()).limit(limit))
            return [as_capture(row) for row in rows]

    def fingerprints(self, since: datetime) -> Sequence[tuple[str, str]]:
        """Identifier and PDQ hash (hex) of what can be compared since then, for an index.

        Captures whose image is kept, and of those that repeat an answer only the first.
        """
        query = sa.select(CaptureRow.id, CaptureRow.pdq).where(
            CaptureRow.pdq != "",
            CaptureRow.created_at >= since,
            CaptureRow.kept_image.is_not(None),
            CaptureRow.answered_from.is_(None),
        )
        with self._database.reading() as session:
            return [(row.id, row.pdq) for row in session.execute(query.order_by(CaptureRow.id))]


def as_capture(row: CaptureRow) -> Capture:
    """The capture that a row holds."""
    return Capture.model_validate(row)


def stored(session: Session, capture_id: str) -> CaptureRow:
    """The row of a capture; raises `NotCaptured` for an unknown or deleted one."""
    row = session.get(CaptureRow, capture_id)
    if row is None or row.deleted_at is not None:
        raise _missing(capture_id)
    return row


def _missing(capture_id: str) -> NotCaptured:
    return NotCaptured(f"no capture {capture_id[:64]!r}; check the id, or it was deleted")


def conditions(chosen: CaptureFilter) -> list[sa.ColumnElement[bool]]:
    """What a row has to fulfil to be ``chosen``."""
    wanted: dict[sa.orm.InstrumentedAttribute[str] | sa.orm.InstrumentedAttribute[bool], object] = {
        CaptureRow.label: chosen.label,
        CaptureRow.client: chosen.client or None,
        CaptureRow.external_id: chosen.external_id or None,
        CaptureRow.needs_review: chosen.needs_review,
    }
    conditions = [column == value for column, value in wanted.items() if value is not None]
    if chosen.since is not None:
        conditions.append(CaptureRow.created_at >= chosen.since)
    if chosen.until is not None:
        conditions.append(CaptureRow.created_at < chosen.until)
    return [CaptureRow.deleted_at.is_(None), *conditions]
