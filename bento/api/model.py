"""What answers, and how much it has answered."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from assay import prompts
from assay.records import Label
from assay.serving_plan import ServingPlan
from assay.store import Scope
from bento.api.auth import allowed
from bento.api.detections import Here
from bento.api.parameters import READS
from bento.api.schemas import Shape

router = APIRouter(prefix="/v1", tags=["model"])


class PlanFigures(Shape):
    """What was measured where the plan was made: the model alone, evidence left out."""

    images_per_second: float | None
    """In batches as large as the plan has them; null where that was not measured."""
    speed_up: float
    """The same over single precision, one image at a time."""
    p50_ms: float
    """Of one image, asked alone."""
    p95_ms: float
    """What 95 % of these stay below."""
    peak_memory_mb: float
    """Of the processes that hold the model, or of the GPU."""
    flips: float
    """Share of held-out images whose verdict is another than single precision gives."""


class PlanShape(Shape):
    """How the model is run, and why so."""

    name: str
    """As in detections."""
    choices: list[str]
    """The strategies that are followed."""
    reasons: list[str]
    """Why these, in sentences."""
    objective: str
    """What was sought."""
    made_at: str
    """When it was measured, ISO 8601."""
    hardware: dict[str, str]
    """On which machine."""
    figures: PlanFigures
    """What came of it there."""


_PLAN: dict[str, Any] = {
    "name": "plan-0a1b2c3d4e5f",
    "choices": ["bf16", "batch_size=8"],
    "reasons": ["bf16 answers 1.6 times as many images a second, at the same AUC."],
    "objective": "throughput",
    "made_at": "2026-05-01T10:00:00Z",
    "hardware": {"processor": "AMD EPYC", "cores": "2", "memory": "16 GiB", "gpu": "none"},
    "figures": {
        "images_per_second": 146.0,
        "speed_up": 3.1,
        "p50_ms": 10.4,
        "p95_ms": 12.9,
        "peak_memory_mb": 610.0,
        "flips": 0.0,
    },
}


class ModelShape(Shape):
    """The model that answers."""

    version: str
    """As in every detection."""
    family: str
    """Of the architecture."""
    review_band: list[float] = Field(min_length=2, max_length=2)
    """Scores between these are handed to people."""
    threshold: float
    """The score from which an image counts as not authentic."""
    serving_plan: PlanShape | None
    """How it is run; null for as it was trained."""
    question: str
    """What the model is asked about every image."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": "7",
                "family": "tiny_qwen2_5_vl",
                "review_band": [0.35, 0.72],
                "threshold": 0.5,
                "serving_plan": _PLAN,
                "question": prompts.QUESTION,
            }
        }
    )


class Stats(Shape):
    """What came in, what was said of it, what people made of it.

    Shares and medians are null where there is nothing to count.
    """

    days: int
    """Over which was counted."""
    captures: int
    """Images answered."""
    by_label: dict[Label, int]
    """The same, by the verdict."""
    cleared_share: float | None
    """Of captures that no person had to look at."""
    backlog: int
    """Cases that wait now."""
    oldest_open: float | None
    """Seconds since the case that has waited longest was opened."""
    votes: int
    """Given in that time, those taken back left out."""
    median_seconds: float | None
    """From seeing a case to the vote."""
    blind_votes: int
    """Of these, without having seen the verdict."""
    agreement: float | None
    """Share of blind votes on audits that say what the model says."""
    agreement_low: float | None
    """Lower end of its 95 % interval."""
    agreement_high: float | None
    """Upper end."""
    median_latency_ms: float | None
    """From a request's bytes to its capture, of the newest thousand."""
    p95_latency_ms: float | None
    """What 95 % stay below."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "days": 7,
                "captures": 1200,
                "by_label": {"authentic": 1100, "manipulated": 80, "synthesized": 20},
                "cleared_share": 0.9,
                "backlog": 12,
                "oldest_open": 3600.0,
                "votes": 110,
                "median_seconds": 8.5,
                "blind_votes": 30,
                "agreement": 0.93,
                "agreement_low": 0.79,
                "agreement_high": 0.98,
                "median_latency_ms": 82.0,
                "p95_latency_ms": 140.0,
            }
        }
    )


@router.get(
    "/model",
    summary="The model that answers",
    dependencies=[Depends(allowed(Scope.READ, in_sandbox=True))],
)
def model(here: Here) -> ModelShape:
    """Its version, and from which scores on it says what."""
    calibration = here.model.calibration
    return ModelShape(
        version=here.model.version,
        family=here.model.family,
        review_band=[calibration.review_low, calibration.review_high],
        threshold=calibration.threshold,
        serving_plan=_shown(here.plan) if here.plan else None,
        question=prompts.QUESTION,
    )


def _shown(plan: ServingPlan) -> PlanShape:
    figures = plan.figures
    return PlanShape(
        name=plan.name,
        choices=list(plan.choices),
        reasons=list(plan.reasons),
        objective=plan.objective,
        made_at=plan.made_at,
        hardware=plan.hardware,
        figures=PlanFigures(
            images_per_second=figures.throughput.get(plan.recipe.batch_size),
            speed_up=plan.speed_up,
            p50_ms=figures.latency.p50,
            p95_ms=figures.latency.p95,
            peak_memory_mb=figures.peak_memory,
            flips=figures.accuracy.flips,
        ),
    )


@router.get("/stats", summary="Figures of the last days", dependencies=[READS])
def stats(
    here: Here, days: Annotated[int, Query(description="How many.", ge=1, le=3650)] = 7
) -> Stats:
    """Volume, verdicts, backlog, agreement and latency since so many days ago."""
    figures = here.store.overview.since(datetime.now(UTC) - timedelta(days=days))
    return Stats.model_validate({"days": days, **asdict(figures)})
