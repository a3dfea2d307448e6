"""How cases come into being and which comes first; shared by drainer, votes and reports.

The order of the review queue:

    priority = log2(2 + reach) x (0.1 + uncertainty) x (1 + reports + appeals) x (1 + hours waiting)

Reach counts by its magnitude, or one viral post would hide all others. Uncertainty is
``1 - |2 score - 1|``, 1 at a score of one half; the floor of 0.1 lets what the model is sure of,
but people report, come up too. Audits, which were drawn at random, count as uncertain as can be:
they are few, estimates wait for them, and their place must say nothing of a verdict that is hidden.
Waiting lifts every case in the end.
"""

from __future__ import annotations

import math
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.store.capture import Capture, Selection
from assay.store.database import insert_new
from assay.store.ids import new_id
from assay.store.tables import CaptureRow, CaseRow

_HOUR = 3600.0
_MAX_REACH = 2**62


def weight(case: CaseRow) -> float:
    """The part of the priority that does not change by waiting."""
    urgency = 1 + case.reports + case.appeals
    unsure = 1.0 if case.is_audit else case.uncertainty
    return math.log2(2 + case.reach) * (0.1 + unsure) * urgency


def priority(now: datetime) -> sa.ColumnElement[float]:
    """The priority of a case at ``now``, for the database to order by."""
    return CaseRow.weight * (1 + (now.timestamp() - CaseRow.opened_at) / _HOUR)


def enqueue(session: Session, capture: Capture, now: datetime) -> None:
    """Count a newly stored capture in its case, which is made if it was selected for people.

    A decided case stays decided: a pixel-equal image inherits the decision.
    """
    is_selected = capture.selection_reason is not Selection.NONE
    case = _locked(session, capture.pixel_digest)
    if case is None and is_selected:
        case = _made(session, capture.pixel_digest, capture.selection_reason, now, is_open=True)
    if case is None:
        return
    if not case.uncertainty:
        case.uncertainty = uncertainty(capture.score)
    case.reach = min(case.reach + capture.reach, _MAX_REACH)
    case.is_audit = case.is_audit or (case.is_open and capture.is_audit)
    case.weight = weight(case)


def case_of(session: Session, capture: CaptureRow, reason: str, now: datetime) -> CaseRow:
    """The case of a stored capture, locked for this transaction; a closed one if it had none."""
    case = _locked(session, capture.pixel_digest)
    if case is not None:
        return case
    case = _made(session, capture.pixel_digest, reason, now, is_open=False)
    members = CaptureRow.pixel_digest == capture.pixel_digest
    reach = session.scalar(sa.select(sa.func.sum(CaptureRow.reach)).where(members))
    case.reach = min(int(reach or 0), _MAX_REACH)
    case.uncertainty = uncertainty(capture.score)
    case.weight = weight(case)
    return case


def reopen(case: CaseRow, reason: str, now: datetime) -> None:
    """Put ``case`` before people, again or for the first time; an open one keeps its place."""
    if not case.is_open:
        case.is_open, case.reason, case.opened_at = True, reason, now.timestamp()
        release(case)


def release(case: CaseRow) -> None:
    """Let go of ``case``, so that it can be claimed."""
    case.holder = case.held_until = None


def uncertainty(score: float) -> float:
    """How undecided a calibrated ``score`` is, 0..1."""
    return 1 - abs(2 * score - 1)


def _locked(session: Session, pixel_digest: str) -> CaseRow | None:
    query = sa.select(CaseRow).where(CaseRow.pixel_digest == pixel_digest).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def _made(
    session: Session, pixel_digest: str, reason: str, now: datetime, *, is_open: bool
) -> CaseRow:
    """A case with nothing in it yet, or the one that another transaction made meanwhile."""
    counts = dict.fromkeys(("reach", "reports", "appeals", "uncertainty", "weight"), 0)
    values = {
        "id": new_id(),
        "pixel_digest": pixel_digest,
        "is_open": is_open,
        "reason": reason,
        "is_audit": False,
        "opened_at": now.timestamp(),
        **counts,
    }
    insert_new(session, CaseRow, values, key="pixel_digest")
    case = _locked(session, pixel_digest)
    if case is None:
        raise RuntimeError(f"case of {pixel_digest} vanished within a transaction")
    return case
