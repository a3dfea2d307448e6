"""What Prometheus is told of the service; every name begins with ``assay_``.

BentoML runs several processes and sets PROMETHEUS_MULTIPROC_DIR, where each writes its numbers;
`exposition` gathers those of all, BentoML's own among them (the batch sizes of the model). Labels
are bounded: a path is shown as its route's template, a method as one that is known.
"""

from __future__ import annotations

import math
import os
from datetime import datetime, timedelta

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from assay.monitoring.business import business
from assay.store import Capture, Store
from assay.store.loops import LoopState

_SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_PERIOD = timedelta(days=1)
"""Over which agreement and the shares are taken."""
_REPORTS_PERIOD = timedelta(days=28)
"""Over which the reports avoided are estimated: they are few, and labels come late."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ACTIONS = ("none", "recalibrate", "retrain", "page")
_TENTHS = tuple(tenth / 10 for tenth in range(1, 11))

REQUESTS = Counter("assay_requests", "Requests answered", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "assay_request_seconds",
    "From a request's head to its answer's end",
    ["route"],
    buckets=_SECONDS,
)
STAGE_SECONDS = Histogram(
    "assay_stage_seconds", "Where the time of a detection goes", ["stage"], buckets=_SECONDS
)
ADMITTED = Gauge("assay_admitted", "Images in work now", multiprocess_mode="livesum")
REFUSED = Counter("assay_admission_refused", "Images asked to come again, all places being taken")
VERDICTS = Counter("assay_verdicts", "Verdicts given", ["label", "needs_review"])
SCORE = Histogram("assay_score", "Calibrated scores of verdicts given", buckets=_TENTHS)
FROM_STORE = Counter("assay_answered_from_store", "Verdicts repeated for pixel-equal images")
REVIEW_BACKLOG = Gauge(
    "assay_review_backlog", "Cases that wait for people", multiprocess_mode="mostrecent"
)
SPOOL_BACKLOG = Gauge(
    "assay_spool_backlog",
    "Captures that wait for the database on this machine",
    multiprocess_mode="mostrecent",
)
WEBHOOK_BACKLOG = Gauge(
    "assay_webhook_backlog", "Announcements still to deliver", multiprocess_mode="mostrecent"
)
AGREEMENT = Gauge(
    "assay_agreement",
    "Share of blind votes of the last day that say what the model says; NaN without votes",
    multiprocess_mode="mostrecent",
)
DRIFTED_SHARE = Gauge(
    "assay_monitor_drifted_share",
    "Share of the columns of the newest window that drifted; NaN without a window",
    multiprocess_mode="mostrecent",
)
WINDOW_AGE = Gauge(
    "assay_monitor_age_seconds",
    "Since the newest window was measured; NaN without one",
    multiprocess_mode="mostrecent",
)
MONITOR_ACTION = Gauge(
    "assay_monitor_action",
    "1 for what was decided on the newest window",
    ["action"],
    multiprocess_mode="mostrecent",
)
LOOP_AGE = Gauge(
    "assay_loop_age_seconds",
    "Since the newest turn of the loop began; NaN without one",
    multiprocess_mode="mostrecent",
)
LOOP_STATE = Gauge(
    "assay_loop_state",
    "1 for how the newest turn of the loop stands",
    ["state"],
    multiprocess_mode="mostrecent",
)
TRAINING_AGE = Gauge(
    "assay_training_age_seconds",
    "Since a model was promoted by the loop or deployed; NaN where neither is on record",
    multiprocess_mode="mostrecent",
)
CLEARED_SHARE = Gauge(
    "assay_auto_cleared_share",
    "Captures of the last day called authentic without a person; NaN without captures",
    multiprocess_mode="mostrecent",
)
REVIEW_SHARE = Gauge(
    "assay_review_share",
    "Captures of the last day put before people; NaN without captures",
    multiprocess_mode="mostrecent",
)
REVIEW_SECONDS = Gauge(
    "assay_review_seconds",
    "Median time per case of the last day; NaN without votes",
    multiprocess_mode="mostrecent",
)
REPORTS_AVOIDED = Gauge(
    "assay_reports_avoided",
    "User reports of four weeks that notices saved, estimated from labels; NaN where too few tell",
    ["bound"],
    multiprocess_mode="mostrecent",
)
MODEL_INFO = Gauge(
    "assay_model_info",
    "1 for the model that answers",
    ["version", "family", "serving_plan"],
    multiprocess_mode="livemax",
)


def request(route: str, method: str, status: int, seconds: float) -> None:
    """Count an answered request under its route's template."""
    known = method if method in _METHODS else "other"
    REQUESTS.labels(route, known, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def answered(capture: Capture) -> None:
    """Count a verdict that was given, and the time that each stage of it took."""
    VERDICTS.labels(capture.label.value, str(capture.needs_review).lower()).inc()
    SCORE.observe(capture.score)
    if capture.answered_from is not None:
        FROM_STORE.inc()
    for stage, milliseconds in capture.timings.items():
        STAGE_SECONDS.labels(stage).observe(milliseconds / 1000)


def refresh(store: Store, now: datetime) -> None:
    """Bring up to date what the store knows; raises `StoreUnavailable`."""
    SPOOL_BACKLOG.set(len(store.spool.pending()))
    figures = store.overview.since(now - _PERIOD)
    REVIEW_BACKLOG.set(figures.backlog)
    AGREEMENT.set(_or_nan(figures.agreement))
    REVIEW_SECONDS.set(_or_nan(figures.median_seconds))
    shares = business(store.outcomes.since(now - _PERIOD, with_labels=False))
    CLEARED_SHARE.set(_or_nan(shares.auto_cleared))
    REVIEW_SHARE.set(_or_nan(shares.sent_to_review))
    WEBHOOK_BACKLOG.set(store.outbox.backlog())
    _refresh_monitor(store, now)
    _refresh_loop(store, now)


def _refresh_monitor(store: Store, now: datetime) -> None:
    """What the newest window of traffic said."""
    newest = next(iter(store.windows.newest()), None)
    DRIFTED_SHARE.set(newest.numbers.drifted_share if newest else math.nan)
    WINDOW_AGE.set(_since(newest.created_at if newest else None, now))
    for action in _ACTIONS:
        MONITOR_ACTION.labels(action).set(newest is not None and newest.action == action)


def _refresh_loop(store: Store, now: datetime) -> None:
    """How the newest turn of the loop stands."""
    newest = next(iter(store.loops.history(1)), None)
    LOOP_AGE.set(_since(newest.started_at if newest else None, now))
    for state in LoopState:
        LOOP_STATE.labels(state.value).set(newest is not None and newest.state is state)
    TRAINING_AGE.set(_since(store.loops.learned_at(), now))


def _since(moment: datetime | None, now: datetime) -> float:
    return math.nan if moment is None else (now - moment).total_seconds()


def refresh_estimates(store: Store, now: datetime) -> None:
    """Bring up to date what takes longer to count; raises `StoreUnavailable`."""
    avoided = business(store.outcomes.since(now - _REPORTS_PERIOD)).reports_avoided
    bounds = (avoided.low, avoided.value, avoided.high) if avoided else (None, None, None)
    for name, value in zip(("low", "value", "high"), bounds, strict=True):
        REPORTS_AVOIDED.labels(name).set(_or_nan(value))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def exposition() -> bytes:
    """The numbers of all processes of this service, in Prometheus' text format."""
    if not os.environ.get(_SHARED_FOLDER):
        return generate_latest(REGISTRY)
    gathered = CollectorRegistry()
    multiprocess.MultiProcessCollector(gathered)  # type: ignore[no-untyped-call]
    return generate_latest(gathered)
