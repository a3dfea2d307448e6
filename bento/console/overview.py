"""Overview: how much came in, what was said of it, how well people and model agree."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from assay.monitoring.business import business
from assay.records import Label
from assay.store.figures import Day
from bento.console.cards import band
from bento.console.pages import Here, Looking, page
from bento.runtime import Runtime

PERIODS = (1, 7, 30, 90)
"""Days to choose from."""

_UNMEASURED = "How often it errs outside the band was not measured on labelled images."

router = APIRouter(include_in_schema=False)


@router.get("/overview")
def get_overview(
    here: Here, visitor: Looking, days: Annotated[int, Query(ge=1, le=max(PERIODS))] = 7
) -> HTMLResponse:
    """The figures of the last days, today included, in UTC."""
    first = datetime.now(UTC).date() - timedelta(days=days - 1)
    since = datetime.combine(first, time.min, UTC)
    served = here.store.overview.by_day(since)
    latencies = [one.mean_latency_ms for one in served if one.mean_latency_ms is not None]
    return page(
        here,
        visitor,
        "overview.html",
        days=days,
        periods=PERIODS,
        figures=here.store.overview.since(since),
        business=business(here.store.outcomes.since(since)),
        volume_by_day=[_volume(one) for one in served],
        latency_by_day=latencies,
        model=_model(here),
        window=_window(here),
    )


def _volume(day: Day) -> dict[str, Any]:
    counts = {label.value: day.by_label.get(label.value, 0) for label in Label}
    return {"date": day.date.isoformat(), **counts}


def _window(here: Runtime) -> dict[str, Any] | None:
    """The newest window that the monitor measured; None where it has not run."""
    newest = here.store.windows.newest()
    if not newest:
        return None
    window, numbers = newest[0], newest[0].numbers
    return {
        "id": window.id,
        "until": numbers.until,
        "is_enough": numbers.is_enough,
        "pictures": numbers.groups,
        "columns": len(numbers.drift),
        "moved": len(numbers.drifted),
        "action": window.action,
        "pages": window.pages,
    }


def _model(here: Runtime) -> dict[str, Any]:
    review = here.model.calibration.review
    return {
        "version": here.model.version,
        "since": None,
        "band": band(here),
        "statement": _UNMEASURED if review is None else review.statement,
    }
