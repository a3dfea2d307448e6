"""Served requests projected for statistics: a few columns, page by page, with what was decided."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.store.database import Database
from assay.store.feedback import counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow

_PAGE = 1000
_COLUMNS = (
    CaptureRow.id,
    CaptureRow.created_at,
    CaptureRow.client,
    CaptureRow.media_type,
    CaptureRow.pixel_digest,
    CaptureRow.pdq,
    CaptureRow.label,
    CaptureRow.score,
    CaptureRow.stratum,
    CaptureRow.needs_review,
    CaptureRow.model_version,
    CaptureRow.descriptors,
    CaptureRow.embedding,
    CaptureRow.stability,
    CaptureRow.selection_reason,
    CaptureRow.selection_probability,
)


_VALUES = {
    "sqlite": "(SELECT json_group_object(value ->> 'id', value -> 'value')"
    " FROM json_each(captures.findings) WHERE value ->> 'value' IS NOT NULL)",
    "postgresql": "(SELECT json_object_agg(each ->> 'id', each -> 'value')"
    " FROM json_array_elements(captures.findings) AS each WHERE each ->> 'value' IS NOT NULL)",
}
"""The values of findings by their id: where nothing was measured there is none. Sentences and
regions, which are most of a capture, stay in the database."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which captures: those of a stretch of time, or of one model; None and empty leave all."""

    since: datetime | None = None
    until: datetime | None = None
    """Itself excluded."""
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The human decision that counts for an image."""

    label: str
    is_blind: bool
    decided_by: str


@dataclass(frozen=True, slots=True)
class Served:
    """One capture, and what people decided of it."""

    capture: Mapping[str, Any]
    """Values by column."""
    ruling: Ruling | None


class Traffic:
    """Reads what windows of traffic are made of; deleted captures are left out."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.engine.dialect.name

    def read(self, span: Span, limit: int, *, newest: bool = True) -> Iterator[list[Served]]:
        """Pages of at most ``limit`` captures in all: the newest first, or else the oldest."""
        after: tuple[datetime, str] | None = None
        while limit > 0 and (page := self._page(span, min(limit, _PAGE), newest, after)):
            yield page
            limit -= len(page)
            after = page[-1].capture["created_at"], page[-1].capture["id"]

    def count(self, span: Span) -> int:
        """How many captures there are."""
        query = sa.select(sa.func.count()).select_from(CaptureRow).where(*_conditions(span))
        with self._database.reading() as session:
            return session.scalars(query).one()

    def first_of_newest(self, span: Span, number: int) -> datetime | None:
        """When the oldest of the newest ``number`` captures was served; None if there are fewer."""
        at = CaptureRow.created_at
        query = sa.select(at).where(*_conditions(span)).order_by(at.desc())
        with self._database.reading() as session:
            return session.scalar(query.offset(number - 1).limit(1))

    def _page(
        self, span: Span, size: int, newest: bool, after: tuple[datetime, str] | None
    ) -> list[Served]:
        at, key = CaptureRow.created_at, CaptureRow.id
        order = (at.desc(), key.desc()) if newest else (at.asc(), key.asc())
        values = sa.literal_column(_VALUES[self._dialect], sa.JSON()).label("findings")
        query = sa.select(*_COLUMNS, values).where(*_conditions(span)).order_by(*order).limit(size)
        if after is not None:
            moment, last = after
            beyond, next_to = (at < moment, key < last) if newest else (at > moment, key > last)
            query = query.where(beyond | ((at == moment) & next_to))
        with self._database.reading() as session:
            rows = session.execute(query).mappings().all()
            rulings = _rulings(session, {row["pixel_digest"] for row in rows})
        return [Served({**row}, rulings.get(row["pixel_digest"])) for row in rows]


def _conditions(span: Span) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [CaptureRow.deleted_at.is_(None)]
    if span.since is not None:
        conditions.append(CaptureRow.created_at >= span.since)
    if span.until is not None:
        conditions.append(CaptureRow.created_at < span.until)
    if span.model_version:
        conditions.append(CaptureRow.model_version == span.model_version)
    return conditions


def _rulings(session: sa.orm.Session, digests: Collection[str]) -> dict[str, Ruling]:
    """By pixel digest, where people have decided."""
    query = (
        sa.select(CaseRow.pixel_digest, FeedbackRow.label, FeedbackRow.is_blind, FeedbackRow.who)
        .join(FeedbackRow, FeedbackRow.case_id == CaseRow.id)
        .where(CaseRow.pixel_digest.in_(digests), counts())
        .order_by(FeedbackRow.id)  # the newest comes last, and stays
    )
    return {digest: Ruling(*ruling) for digest, *ruling in session.execute(query)}
