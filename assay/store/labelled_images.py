"""Images that people judged, with their captures until a moment and all votes that stand.

What labels are taken in from (`assay.label_intake`): small columns only, read in pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assay.records import Label
from assay.store.capture import Selection
from assay.store.database import Database
from assay.store.feedback import counts
from assay.store.review import CONFLICT
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow, ReportRow

_PAGE = 500


@dataclass(frozen=True, slots=True)
class LabelledCapture:
    """One capture of an image, without what was measured of it."""

    id: str
    created_at: datetime
    client: str
    image_digest: str
    pdq: str
    is_kept: bool
    label: Label
    score: float
    model_version: str
    selection_reason: Selection
    selection_probability: float


@dataclass(frozen=True, slots=True)
class StandingVote:
    """One vote that was not undone and says what the image is."""

    who: str
    label: Label
    created_at: datetime
    is_blind: bool


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """All captures until a moment with exactly the same pixels, and what people said of them."""

    pixel_digest: str
    is_open: bool
    """Whether a person has to look at it, again or for the first time."""
    opened_again_at: datetime | None
    """The newest appeal or conflict, if any: votes from before it are settled by those after."""
    captures: tuple[LabelledCapture, ...]
    """Oldest first."""
    votes: tuple[StandingVote, ...]
    """Oldest first; also those given after that moment."""


class LabelledImages:
    """Reading them; never what a model said in the place of a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(
        self, since: datetime, until: datetime, anew: Sequence[str] = ()
    ) -> Iterator[LabelledImage]:
        """Images of which a capture or a vote that stands is of ``since <= created_at < until``.

        A vote may come long after the capture, when a model has learned from the days of both; the
        captures are all those until ``until``. What those in ``anew`` have ever voted on is read
        again. In the order of their pixel digests; deleted captures are none.
        """
        after, which = "", tuple(_is_new(since, until, anew))
        while page := self._page(until, after, which):
            yield from page
            after = page[-1].pixel_digest

    def _page(
        self, until: datetime, after: str, which: Sequence[sa.ColumnElement[bool]]
    ) -> list[LabelledImage]:
        query = sa.select(CaseRow.id, CaseRow.pixel_digest, CaseRow.is_open)
        query = query.where(CaseRow.pixel_digest > after, *which)
        with self._database.reading() as session:
            cases = session.execute(query.order_by(CaseRow.pixel_digest).limit(_PAGE)).all()
            captures = _captures(session, [case.pixel_digest for case in cases], _served(until))
            votes = _votes(session, [case.id for case in cases])
            again = _opened_again(session, [case.id for case in cases])
        return [
            LabelledImage(
                case.pixel_digest,
                case.is_open,
                again.get(case.id),
                tuple(captures[case.pixel_digest]),
                tuple(votes[case.id]),
            )
            for case in cases
        ]


def _served(until: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(CaptureRow.created_at < until, CaptureRow.deleted_at.is_(None))


def _is_new(
    since: datetime, until: datetime, anew: Sequence[str]
) -> Iterator[sa.ColumnElement[bool]]:
    """That a case has captures and votes, and one of either is of the span, or by one ``anew``."""
    shown = sa.exists().where(CaptureRow.pixel_digest == CaseRow.pixel_digest, _served(until))
    voted = sa.exists().where(FeedbackRow.case_id == CaseRow.id, counts())
    voted_then = FeedbackRow.created_at >= since, FeedbackRow.created_at < until
    yield from (shown, voted)
    yield sa.or_(
        shown.where(CaptureRow.created_at >= since),
        voted.where(*voted_then),
        voted.where(FeedbackRow.who.in_(anew)),
    )


def _captures(
    session: Session, digests: Sequence[str], served: sa.ColumnElement[bool]
) -> dict[str, list[LabelledCapture]]:
    columns = (
        CaptureRow.pixel_digest,
        CaptureRow.id,
        CaptureRow.created_at,
        CaptureRow.client,
        CaptureRow.image_digest,
        CaptureRow.pdq,
        CaptureRow.kept_image.is_not(None).label("is_kept"),
        CaptureRow.label,
        CaptureRow.score,
        CaptureRow.model_version,
        CaptureRow.selection_reason,
        CaptureRow.selection_probability,
    )
    query = sa.select(*columns).where(CaptureRow.pixel_digest.in_(digests), served)
    found: dict[str, list[LabelledCapture]] = defaultdict(list)
    for row in session.execute(query.order_by(CaptureRow.id)).mappings():
        values: dict[str, Any] = {column.key: row[column.key] for column in columns[1:]}
        kinds = {
            "label": Label(values["label"]),
            "selection_reason": Selection(values["selection_reason"]),
        }
        found[row["pixel_digest"]].append(LabelledCapture(**(values | kinds)))
    return found


def _votes(session: Session, cases: Sequence[str]) -> dict[str, list[StandingVote]]:
    query = sa.select(FeedbackRow).where(FeedbackRow.case_id.in_(cases), counts())
    found: dict[str, list[StandingVote]] = defaultdict(list)
    for row in session.scalars(query.order_by(FeedbackRow.id)):
        vote = StandingVote(row.who, Label(str(row.label)), row.created_at, row.is_blind)
        found[row.case_id].append(vote)
    return found


def _opened_again(session: Session, cases: Sequence[str]) -> dict[str, datetime]:
    query = sa.select(ReportRow.case_id, ReportRow.created_at).where(
        ReportRow.case_id.in_(cases), ReportRow.kind.in_(("appeal", CONFLICT))
    )
    return dict(session.execute(query.order_by(ReportRow.id)).tuples().all())
