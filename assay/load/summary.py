"""What a load came to, in numbers: percentiles, throughput, status codes, accuracy, versions.

Latencies are those of verdicts: a refusal is quick, and would flatter a server that refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.load.pacing import Answer, Load, Pace
from assay.load.uploads import Uploads
from assay.metrics import COVERAGE, Bootstrap, Floats, Metric, measure
from assay.records import Label

PERCENTS = (50.0, 90.0, 95.0, 99.0, 100.0)
LATE = 0.05
"""Seconds after which a request counts as sent late by this client."""
NO_ANSWER = "no answer"
COLUMNS = (
    *("number", "image", "due_s", "sent_s", "latency_ms", "status", "label", "expected"),
    *("score", "model_version", "serving_plan", "answered_from", "error"),
)
_BOOTSTRAP = Bootstrap()


@dataclass(frozen=True, slots=True)
class Percentile:
    """A latency that ``percent`` of the requests stay at or below, milliseconds.

    The ends of its 95 % interval are order statistics; None where too few requests bound it.
    """

    percent: float
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How well the verdicts agree with the labels that were known, one vote an image."""

    images: int
    authentic: int
    auc: Metric | None
    balanced_accuracy: Metric | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that is told of a load."""

    url: str
    images: str
    """What was sent."""
    begun: str
    """UTC, ISO 8601."""
    pace: Pace
    seconds: float
    requests: int
    """Sent, those without an answer too."""
    verdicts: int
    throughput: float
    """Verdicts a second."""
    failed: int
    """No answer or none in time, a fault of the server (5xx), or a 200 that holds no verdict."""
    unfinished: int
    """Under way when it was stopped, or given up."""
    is_interrupted: bool
    statuses: dict[str, int]
    errors: dict[str, int]
    """What was said in place of a verdict, the most frequent first."""
    latency: list[Percentile]
    late: int
    """Requests that this client sent more than `LATE` after they were due."""
    worst_delay: float
    """Seconds by which the latest of these was."""
    repeats: int
    """Requests with an image that was sent before."""
    from_store: int
    """Verdicts that repeat an earlier one, as for pixel-equal images: quick, no model was asked."""
    latency_computed: list[Percentile]
    """Of the other verdicts; empty where there are none from the store."""
    model_versions: dict[str, int]
    serving_plans: dict[str, int]
    accuracy: Accuracy | None
    """None where no label was known or none of these was answered."""
    rejected: dict[str, str]
    """Listed images that could not be sent, with the reason."""


def summarise(load: Load, url: str, pace: Pace, uploads: Uploads) -> Summary:
    """The numbers of ``load``: ``uploads`` sent to ``url`` at ``pace``."""
    given_up = 0 if load.is_interrupted else load.unfinished
    answers, verdicts = load.answers, load.verdicts
    computed = [one for one in verdicts if one.found("answered_from") is None]
    delays = [one.sent - one.due for one in answers]
    return Summary(
        url=url,
        images=uploads.origin,
        begun=load.begun.isoformat(timespec="seconds"),
        pace=pace,
        seconds=load.seconds,
        requests=len(answers) + load.unfinished,
        verdicts=len(verdicts),
        throughput=load.rate,
        failed=sum(map(is_failure, answers)) + given_up,
        unfinished=load.unfinished,
        is_interrupted=load.is_interrupted,
        statuses=_counted(str(one.reply.status or NO_ANSWER) for one in answers),
        errors=_counted(reason(one) for one in answers if not one.is_verdict),
        latency=percentiles(verdicts),
        late=sum(delay > LATE for delay in delays),
        worst_delay=max(delays, default=0.0),
        repeats=len(answers) - len({one.upload.name for one in answers}),
        from_store=len(verdicts) - len(computed),
        latency_computed=percentiles(computed) if len(computed) < len(verdicts) else [],
        model_versions=_counted(str(one.found("model_version") or "-") for one in verdicts),
        serving_plans=_counted(str(one.found("serving_plan") or "none") for one in verdicts),
        accuracy=accuracy(verdicts),
        rejected={one.image_id: one.reason for one in uploads.rejected},
    )


def is_failure(answer: Answer) -> bool:
    """Whether the server is to blame; a refusal of an image, a key or too much work is none."""
    status = answer.reply.status
    return status == 0 or status >= 500 or (status == 200 and not answer.is_verdict)


def reason(answer: Answer) -> str:
    """Why there is no verdict; empty where there is one."""
    return "" if answer.is_verdict else answer.reply.error or f"{answer.reply.status} no verdict"


def percentiles(answers: Sequence[Answer]) -> list[Percentile]:
    """Those at `PERCENTS`; empty without answers."""
    ordered = 1000 * np.sort([one.latency for one in answers])
    return [percentile(ordered, percent) for percent in PERCENTS] if len(ordered) else []


def percentile(ordered: Floats, percent: float) -> Percentile:
    """One percentile of ascending values ``[n]``, by nearest rank.

    Its interval has at least 95 % whatever the distribution (David and Nagaraja 2003, "Order
    Statistics", 7.1), where requests are independent. Near a server's capacity they are not, as
    they wait in one queue, and the interval is too narrow.
    """
    from scipy.stats import binom

    n, share = len(ordered), percent / 100
    value = float(ordered[max(0, int(np.ceil(share * n)) - 1)])
    if share == 1:
        return Percentile(percent, value, None, None)
    below, above = ((1 + sign * COVERAGE) / 2 for sign in (-1, 1))
    low, high = int(binom.ppf(below, n, share)), int(binom.ppf(above, n, share)) + 1
    return Percentile(
        percent,
        value,
        float(ordered[low - 1]) if low >= 1 else None,
        float(ordered[high - 1]) if high <= n else None,
    )


def accuracy(verdicts: Iterable[Answer]) -> Accuracy | None:
    """Scores and labels held against the truth, where it is known; None where it never is."""
    known = {one.upload.name: one for one in verdicts if one.upload.expected is not None}
    judged = [one for one in known.values() if isinstance(one.found("score"), int | float)]
    if not judged:
        return None
    positive = np.array([one.upload.expected is not Label.AUTHENTIC for one in judged])
    groups = np.array([one.upload.group or one.upload.name for one in judged])
    flagged = np.array([float(one.found("label") != Label.AUTHENTIC) for one in judged])
    scores = np.array([one.found("score") for one in judged])
    auc = measure(scores, positive, groups, 0.5, _BOOTSTRAP, ["auc"])["auc"]
    name = "balanced_accuracy"
    balanced = measure(flagged, positive, groups, 0.5, _BOOTSTRAP, [name])[name]
    return Accuracy(len(judged), int((~positive).sum()), auc, balanced)


def row(answer: Answer) -> dict[str, Any]:
    """One line of ``requests.csv``, with `COLUMNS`."""
    found = answer.found
    return {
        "number": answer.number,
        "image": answer.upload.name,
        "due_s": round(answer.due, 4),
        "sent_s": round(answer.sent, 4),
        "latency_ms": round(1000 * answer.latency, 2),
        "status": answer.reply.status,
        "label": found("label"),
        "expected": answer.upload.expected,
        "score": found("score"),
        "model_version": found("model_version"),
        "serving_plan": found("serving_plan"),
        "answered_from": found("answered_from"),
        "error": reason(answer),
    }


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())
