"""A release for tests: a really built bento of a small model, and its serving plan."""

from __future__ import annotations

from pathlib import Path

from assay import fingerprints, release
from assay.model_registry import ModelFacts
from assay.release import Release
from assay.serving_plan import Accuracy, Figures, Latency, ServingPlan

FIGURES = Figures(
    load=1.0,
    size=10.0,
    peak_memory=100.0,
    cpu=1.0,
    latency=Latency(p50=10.0, p95=20.0, p99=30.0),
    throughput={1: 10.0},
    accuracy=Accuracy(images=10, auc=0.9, tpr_at_5_fpr=0.5, ece=0.1, flips=0.0, word_flips=0.0),
)


def facts(model: Path) -> ModelFacts:
    """What a registry would say of a model folder."""
    content = fingerprints.content_hash(model)
    return ModelFacts("version 3", content, "data-1", "3", "train-1", "abc", "2026-01-01")


def built(model: Path, plan: Path | None = None) -> Release:
    """The release of a model folder."""
    return release.build(model, facts(model), plan)


def plan_of(model: Path) -> ServingPlan:
    """A plan that serves ``model`` as it was trained."""
    return ServingPlan(
        model_version="3",
        model_content=fingerprints.content_hash(model),
        made_at="2026-01-01T00:00:00Z",
        hardware={},
        versions={},
        objective="latency",
        limits={},
        choices=(),
        reasons=("nothing else was tried",),
        preferred_batch_sizes=(1,),
        baseline=FIGURES,
        figures=FIGURES,
        end_to_end={"baseline": 1.0, "plan": 1.0},
        trials=(),
    )
