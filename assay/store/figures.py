"""What the overview shows: how much came in, what was said of it, what people made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.store.database import Database
from assay.store.feedback import counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow

_LATENCIES = 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers since a moment; shares and medians are None where there is nothing to count."""

    captures: int
    by_label: Mapping[str, int]
    cleared_share: float | None
    """Of captures that no person had to look at."""
    backlog: int
    oldest_open: float | None
    """Seconds since the case that has waited longest was opened."""
    votes: int
    median_seconds: float | None
    """From seeing a case to the vote."""
    blind_votes: int
    agreement: float | None
    """Share of blind votes on audits that say what the model says: the others have seen it."""
    median_latency_ms: float | None
    p95_latency_ms: float | None
    """Of the newest thousand answers."""


class Overview:
    """Numbers for the console and the metrics."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, moment: datetime) -> Figures:
        """The figures of captures and votes since ``moment``; the backlog is the present one."""
        with self._database.reading() as session:
            by_label = _by_label(session, moment)
            captures = sum(by_label.values())
            reviewed = CaptureRow.created_at >= moment, CaptureRow.needs_review
            flagged = session.scalars(sa.select(sa.func.count()).where(*reviewed)).one()
            opened = sa.select(sa.func.count(), sa.func.min(CaseRow.opened_at))
            backlog, oldest = session.execute(opened.where(CaseRow.is_open)).one()
            latencies = sorted(_latencies(session, moment))
            return Figures(
                captures,
                by_label,
                1 - flagged / captures if captures else None,
                backlog,
                None if oldest is None else self._database.now().timestamp() - oldest,
                *_votes(session, moment),
                median(latencies) if latencies else None,
                latencies[int(0.95 * (len(latencies) - 1))] if latencies else None,
            )


def _by_label(session: Session, moment: datetime) -> dict[str, int]:
    query = sa.select(CaptureRow.label, sa.func.count()).where(CaptureRow.created_at >= moment)
    return dict(session.execute(query.group_by(CaptureRow.label)).tuples().all())


def _latencies(session: Session, moment: datetime) -> list[float]:
    query = sa.select(CaptureRow.latency_ms).where(CaptureRow.created_at >= moment)
    return list(session.scalars(query.order_by(CaptureRow.id.desc()).limit(_LATENCIES)))


def _votes(session: Session, moment: datetime) -> tuple[int, float | None, int, float | None]:
    """Votes that count, their median seconds, blind ones among them, and their agreement."""
    query = (
        sa.select(FeedbackRow.seconds, FeedbackRow.is_blind, FeedbackRow.label, CaptureRow.label)
        .join(CaptureRow, CaptureRow.id == FeedbackRow.capture_id)
        .where(FeedbackRow.created_at >= moment, counts())
    )
    rows = session.execute(query).all()
    seconds = [taken for taken, *_ in rows if taken is not None]
    blind = [human == model for _, is_blind, human, model in rows if is_blind]
    agreement = sum(blind) / len(blind) if blind else None
    return len(rows), median(seconds) if seconds else None, len(blind), agreement
