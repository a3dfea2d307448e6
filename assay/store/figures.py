"""What the overview shows: how much came in, what was said of it, what people made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.store.database import Database
from assay.store.feedback import counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow

_LATENCIES = 1000
_Z = 1.959964
"""The 97.5 % point of the standard normal distribution."""


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
    agreement_low: float | None
    agreement_high: float | None
    """Ends of its 95 % interval (Wilson 1927)."""
    median_latency_ms: float | None
    p95_latency_ms: float | None
    """Of the newest thousand answers."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was served on one day, UTC."""

    date: date
    by_label: Mapping[str, int]
    mean_latency_ms: float | None


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
                latencies[math.ceil(0.95 * len(latencies)) - 1] if latencies else None,
            )

    def by_day(self, moment: datetime) -> Sequence[Day]:
        """Every day from ``moment`` to the present, oldest first, also those without anything."""
        found: dict[date, dict[str, tuple[int, float]]] = {}
        with self._database.reading() as session:
            for day, label, *numbers in session.execute(_daily(session, moment)):
                found.setdefault(_date(day), {})[label] = (numbers[0], numbers[1])
        days = (self._database.now().date() - moment.date()).days + 1
        return [_day(moment.date() + timedelta(n), found) for n in range(days)]


def _by_label(session: Session, moment: datetime) -> dict[str, int]:
    query = sa.select(CaptureRow.label, sa.func.count()).where(CaptureRow.created_at >= moment)
    return dict(session.execute(query.group_by(CaptureRow.label)).tuples().all())


def _latencies(session: Session, moment: datetime) -> list[float]:
    query = sa.select(CaptureRow.latency_ms).where(CaptureRow.created_at >= moment)
    return list(session.scalars(query.order_by(CaptureRow.id.desc()).limit(_LATENCIES)))


def _daily(session: Session, moment: datetime) -> sa.Select[Any]:
    """Date, label, count and total latency; PostgreSQL would else count in its server's zone."""
    at = CaptureRow.created_at
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    day = sa.func.date(sa.func.timezone("UTC", at) if is_postgresql else at).label("day")
    query = sa.select(
        day, CaptureRow.label, sa.func.count(), sa.func.sum(CaptureRow.latency_ms)
    ).where(CaptureRow.created_at >= moment)
    return query.group_by(day, CaptureRow.label)


def _date(told: str | date) -> date:
    """SQLite tells dates as text."""
    return date.fromisoformat(told) if isinstance(told, str) else told


def _day(day: date, found: Mapping[date, Mapping[str, tuple[int, float]]]) -> Day:
    numbers = found.get(day, {})
    count = sum(served for served, _ in numbers.values())
    total = sum(latency for _, latency in numbers.values())
    by_label = {label: served for label, (served, _) in numbers.items()}
    return Day(day, by_label, total / count if count else None)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a share of ``trials`` > 0 (Wilson 1927, JASA 22:209-212)."""
    share, spread = successes / trials, _Z**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def _votes(
    session: Session, moment: datetime
) -> tuple[int, float | None, int, float | None, float | None, float | None]:
    """Votes that count, their median seconds, blind ones, their agreement and its interval."""
    query = (
        sa.select(FeedbackRow.seconds, FeedbackRow.is_blind, FeedbackRow.label, CaptureRow.label)
        .join(CaptureRow, CaptureRow.id == FeedbackRow.capture_id)
        .where(FeedbackRow.created_at >= moment, counts())
    )
    rows = session.execute(query).all()
    seconds = [taken for taken, *_ in rows if taken is not None]
    blind = [human == model for _, is_blind, human, model in rows if is_blind]
    agreement = sum(blind) / len(blind) if blind else None
    low, high = wilson(sum(blind), len(blind)) if blind else (None, None)
    return len(rows), median(seconds) if seconds else None, len(blind), agreement, low, high
