"""What was served and what people decided of it, without images: for estimates over all traffic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.records import Label
from assay.store.capture import Notice, Selection, Sibling
from assay.store.database import Database
from assay.store.feedback import HumanLabel, counts
from assay.store.tables import CaptureRow, CaseRow, FeedbackRow

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One capture as it was answered and drawn, and the human decision that counts for it."""

    id: str
    created_at: datetime
    client: str
    pixel_digest: str
    is_kept: bool
    """Whether its image can be read again."""
    label: Label
    probabilities: dict[str, float]
    stratum: str
    needs_review: bool
    notice: Notice
    notice_reason: str
    model_version: str
    selection_reason: Selection
    selection_probability: float
    audit_probability: float
    is_stable: bool | None
    """Whether re-scorings said the label again; None where nobody tried."""
    siblings: list[Sibling]
    findings: list[dict[str, Any]]
    """Of captures that were handed to people; of others nobody asks why."""
    human_label: HumanLabel | None
    reason_code: str
    seconds: float | None
    """From seeing the case to the vote."""


_FINDINGS = sa.case((CaptureRow.needs_review, CaptureRow.findings)).label("findings")
_COLUMNS = (
    CaptureRow.id,
    CaptureRow.created_at,
    CaptureRow.client,
    CaptureRow.pixel_digest,
    CaptureRow.kept_image.is_not(None).label("is_kept"),
    CaptureRow.label,
    CaptureRow.probabilities,
    CaptureRow.stratum,
    CaptureRow.needs_review,
    CaptureRow.notice,
    CaptureRow.notice_reason,
    CaptureRow.model_version,
    CaptureRow.selection_reason,
    CaptureRow.selection_probability,
    CaptureRow.audit_probability,
    CaptureRow.stability,
    CaptureRow.siblings,
    _FINDINGS,
    FeedbackRow.label.label("human_label"),
    FeedbackRow.reason_code,
    FeedbackRow.seconds,
)


class KeptAnswers:
    """The captures of a span, oldest first, read in pages of a few columns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(self, since: datetime | None, until: datetime | None) -> Iterator[KeptAnswer]:
        """Captures that the database holds and nobody deleted; None leaves an end open."""
        after = ""
        while page := self._page(since, until, after):
            yield from page
            after = page[-1].id

    def _page(self, since: datetime | None, until: datetime | None, after: str) -> list[KeptAnswer]:
        newest = sa.select(sa.func.max(FeedbackRow.id)).where(
            FeedbackRow.case_id == CaseRow.id, counts()
        )
        query = (
            sa.select(*_COLUMNS)
            .outerjoin(CaseRow, CaseRow.pixel_digest == CaptureRow.pixel_digest)
            .outerjoin(FeedbackRow, FeedbackRow.id == newest.correlate(CaseRow).scalar_subquery())
            .where(CaptureRow.deleted_at.is_(None), CaptureRow.id > after)
            .order_by(CaptureRow.id)
            .limit(_PAGE)
        )
        if since is not None:
            query = query.where(CaptureRow.created_at >= since)
        if until is not None:
            query = query.where(CaptureRow.created_at < until)
        with self._database.reading() as session:
            return [_kept(dict(row)) for row in session.execute(query).mappings()]


def _kept(row: dict[str, Any]) -> KeptAnswer:
    words: dict[str, Any] = {
        "label": Label(row["label"]),
        "notice": Notice(row["notice"]),
        "selection_reason": Selection(row["selection_reason"]),
        "human_label": HumanLabel(row["human_label"]) if row["human_label"] else None,
        "is_stable": _is_stable(row.pop("stability"), row["label"]),
        "siblings": [Sibling.model_validate(each) for each in row["siblings"]],
        "findings": row["findings"] or [],
        "reason_code": row["reason_code"] or "",
    }
    return KeptAnswer(**{**row, **words})


def _is_stable(rescored: dict[str, Any] | None, label: str) -> bool | None:
    return None if rescored is None else all(each["label"] == label for each in rescored.values())
