"""History: what was checked and decided, filtered, page by page, and as a file to take along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay import exports
from assay.exports import CSV, PARQUET
from assay.records import Label
from assay.store import (
    CaptureFilter,
    Decision,
    HistoryFilter,
    HistoryRow,
    HumanLabel,
    Notice,
    Role,
)
from bento.console.cards import hidden_from
from bento.console.pages import Deciding, Here, Looking, Visitor, page
from bento.runtime import Runtime

UNDECIDED = "undecided"

_ROWS = 50
_COUNTED = 1000
_EXPORTED = 100_000
_AT_ONCE = 500
_COLUMNS = (
    "id", "created_at", "label", "score", "needs_review", "notice", "human_label", "action",
    "reason_code", "decided_at", "client", "external_id", "caption", "model_version",
)  # fmt: skip
_NUMBERS = ("score",)
_BOOLEANS = ("needs_review",)

router = APIRouter(prefix="/history", include_in_schema=False)

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 1, 1))]


class Filters(BaseModel):
    """The query of the page, as its form sends it: what is empty is not asked for."""

    model_config = ConfigDict(frozen=True)

    text: str = Field("", max_length=200)
    label: Label | None = None
    review: Literal["yes", "no"] | None = None
    human: HumanLabel | Literal["undecided"] | None = None
    notice: Notice | None = None
    client: str = Field("", max_length=200)
    external_id: str = Field("", max_length=200)
    since: Day | None = None
    until: Day | None = None
    before: str = Field("", max_length=64)
    after: str = Field("", max_length=64)

    @model_validator(mode="before")
    @classmethod
    def _asked(cls, values: Any) -> Any:
        return {name: value for name, value in dict(values).items() if value != ""}

    @property
    def shown(self) -> dict[str, str]:
        """As the form shows them: empty for any."""
        chosen = self.model_dump(mode="json", exclude={"before", "after"})
        return {name: value or "" for name, value in chosen.items()}

    @property
    def tells_verdicts(self) -> bool:
        """Whether being listed says something of a row's verdict."""
        return any(one is not None for one in (self.label, self.review, self.notice))

    def query(self, **more: str) -> str:
        """The same filter as a query, with a place to go on from."""
        return urlencode({name: one for name, one in (self.shown | more).items() if one})

    def filter(self) -> HistoryFilter:
        """The same filter in the words of the store; the last day is included."""
        captures = CaptureFilter(
            label=self.label,
            client=self.client,
            external_id=self.external_id,
            needs_review=None if self.review is None else self.review == "yes",
            since=None if self.since is None else _midnight(self.since),
            until=None if self.until is None else _midnight(self.until + timedelta(days=1)),
        )
        is_decided = False if self.human == UNDECIDED else None
        human = HumanLabel(self.human) if self.human not in (None, UNDECIDED) else None
        return HistoryFilter(captures, is_decided, human, self.notice, self.text)


Asked = Annotated[Filters, Query()]


@router.get("")
def get_history(here: Here, visitor: Looking, asked: Asked) -> HTMLResponse:
    """A page of the history; without scripts the filter is a plain form."""
    chosen = asked.filter()
    found = here.store.history.page(chosen, before=asked.before, after=asked.after, limit=_ROWS + 1)
    newer, rows, older = _turned(asked, found)
    counted = here.store.history.count(chosen, _COUNTED + 1)
    return page(
        here,
        visitor,
        "history.html",
        filters=asked.shown,
        rows=list(_visible(here, visitor, asked, rows)),
        total=f"{min(counted, _COUNTED):,}{'+' if counted > _COUNTED else ''}",
        previous_url=f"/history?{asked.query(after=rows[0].capture.id)}" if newer else None,
        next_url=f"/history?{asked.query(before=rows[-1].capture.id)}" if older else None,
        exports=_exports(visitor, asked),
    )


@router.get("/export.csv")
def get_csv(here: Here, visitor: Deciding, asked: Asked) -> StreamingResponse:
    """What the filter selects as CSV, at most 100 000 rows."""
    return _file(CSV, exports.as_csv(_exported(here, visitor, asked), _COLUMNS))


@router.get("/export.parquet")
def get_parquet(here: Here, visitor: Deciding, asked: Asked) -> StreamingResponse:
    """The same as Parquet."""
    rows = _exported(here, visitor, asked)
    written = exports.as_parquet(rows, _COLUMNS, numbers=_NUMBERS, booleans=_BOOLEANS)
    return _file(PARQUET, written)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _turned(asked: Filters, found: Sequence[HistoryRow]) -> tuple[bool, Sequence[HistoryRow], bool]:
    """Whether there are newer rows, those of this page, whether there are older ones.

    One row more than is shown was asked for, in the direction that one goes.
    """
    is_more = len(found) > _ROWS
    if asked.after:
        return is_more, found[-_ROWS:], bool(found)
    return bool(asked.before and found), found[:_ROWS], is_more


def _visible(
    here: Runtime, visitor: Visitor, asked: Filters, rows: Sequence[HistoryRow]
) -> Iterator[dict[str, Any]]:
    """Rows as plain values, without the verdicts that the visitor may not know yet."""
    hidden = hidden_from(here, visitor, [row.capture for row in rows])
    for row in rows:
        if row.capture.id not in hidden:
            yield _row(row)
        elif not asked.tells_verdicts:
            yield _row(row) | {
                "is_hidden": True, "label": None, "score": None, "needs_review": None,
                "notice": None, "decision": None,
            }  # fmt: skip


def _row(row: HistoryRow) -> dict[str, Any]:
    kept = row.capture
    return {
        "id": kept.id,
        "created_at": kept.created_at,
        "label": kept.label.value,
        "score": kept.score,
        "needs_review": kept.needs_review,
        "decision": row.decision,
        "notice": kept.notice.value,
        "client": kept.client,
        "external_id": kept.external_id,
        "caption": kept.caption,
        "model_version": kept.model_version,
        "is_hidden": False,
        "has_image": kept.keep_image,
    }


def _exports(visitor: Visitor, asked: Filters) -> list[dict[str, str]]:
    if not visitor.may(Role.MODERATOR):
        return []
    kinds = {"csv": "CSV", "parquet": "Parquet"}
    return [
        {"title": title, "url": f"/history/export.{kind}?{asked.query()}"}
        for kind, title in kinds.items()
    ]


def _exported(here: Runtime, visitor: Visitor, asked: Filters) -> Iterator[dict[str, Any]]:
    """Flat rows, by the names of `_COLUMNS`."""
    rows = islice(here.store.history.rows(asked.filter(), visitor.who), _EXPORTED)
    while some := list(islice(rows, _AT_ONCE)):
        for row in _visible(here, visitor, asked, some):
            flat = row | _flat(row["decision"]) | {"created_at": row["created_at"].isoformat()}
            yield {name: flat[name] for name in _COLUMNS}


def _flat(decision: Decision | None) -> dict[str, str | None]:
    if decision is None or decision.label is None:
        return dict.fromkeys(("human_label", "action", "reason_code", "decided_at"))
    return {
        "human_label": decision.label.value,
        "action": decision.action,
        "reason_code": decision.reason_code,
        "decided_at": decision.created_at.isoformat(),
    }


def _file(kind: str, content: Iterator[bytes]) -> StreamingResponse:
    name = f"assay-history-{datetime.now(UTC):%Y-%m-%d}.{kind}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        exports.begun(content), media_type=exports.MEDIA_TYPES[kind], headers=headers
    )
