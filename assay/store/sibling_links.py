"""Near-duplicates from either side: a capture lists those before it, a link finds those after it.

A capture's list is written once, when it is served. For each entry there is a link, so that the
earlier capture finds the later one by an index; and what is deleted leaves every list it stood in.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.store.capture import Capture, Sibling
from assay.store.database import insert_new
from assay.store.tables import CaptureRow, SiblingRow


def without_deleted(session: Session, captures: Sequence[Capture]) -> list[Capture]:
    """``captures`` without siblings that were deleted after they were served.

    The siblings stay locked: a deletion either is seen here, or will see what is stored now.
    """
    ids = {sibling.id for capture in captures for sibling in capture.siblings}
    if not ids:
        return list(captures)
    query = sa.select(CaptureRow.id, CaptureRow.deleted_at).where(CaptureRow.id.in_(ids))
    locked = session.execute(query.order_by(CaptureRow.id).with_for_update(read=True))
    gone = {capture_id for capture_id, deleted_at in locked if deleted_at is not None}
    return [
        capture.model_copy(update={"siblings": [s for s in capture.siblings if s.id not in gone]})
        for capture in captures
    ]


def link(session: Session, capture: Capture) -> None:
    """Have a newly stored capture found from those that it lists."""
    for sibling in capture.siblings:
        values = {"capture_id": capture.id, "other_id": sibling.id}
        insert_new(session, SiblingRow, values)


def unlink(session: Session, capture_id: str) -> None:
    """Take a capture that is being deleted out of every list, and its own links away."""
    query = _NAMING.order_by(CaptureRow.id).with_for_update(of=CaptureRow)
    fresh = query.execution_options(populate_existing=True)
    for row in session.scalars(fresh, {"named": capture_id}).all():
        row.siblings = [entry for entry in row.siblings if entry["id"] != capture_id]
    is_linked = sa.or_(SiblingRow.capture_id == capture_id, SiblingRow.other_id == capture_id)
    session.execute(sa.delete(SiblingRow).where(is_linked))


def naming(session: Session, capture_id: str, limit: int) -> Sequence[CaptureRow]:
    """Up to ``limit`` captures that list this one, newest first."""
    return session.scalars(_NEWEST, {"named": capture_id, "limit": limit}).all()


def seen_from(capture_id: str, later: Capture) -> Sibling:
    """The entry of ``capture_id`` in a later capture's list, turned round."""
    entry = next(sibling for sibling in later.siblings if sibling.id == capture_id)
    exchanged = {"first": "second", "second": "first"}
    turned = [
        {exchanged.get(name, name): value for name, value in difference.items()}
        for difference in entry.differences
    ]
    return entry.model_copy(update={"id": later.id, "differences": turned})


_NAMING = (
    sa.select(CaptureRow)
    .join(SiblingRow, SiblingRow.capture_id == CaptureRow.id)
    .where(SiblingRow.other_id == sa.bindparam("named"))
)
_NEWEST = _NAMING.order_by(SiblingRow.capture_id.desc()).limit(sa.bindparam("limit"))
"""Written once: every answer asks it."""
