"""A release for tests: a really built bento of a small model, and its serving plan."""

from __future__ import annotations

from pathlib import Path

from assay import fingerprints, home, release
from assay.model_registry import ModelFacts
from assay.release import Release
from assay.serving_plan import PLAN_FILE, ServingPlan
from tests import serving_plans


def facts(model: Path) -> ModelFacts:
    """What a registry would say of a model folder."""
    content = fingerprints.content_hash(model)
    return ModelFacts("version 3", content, "data-1", "3", "train-1", "abc", "2026-01-01")


def built(model: Path) -> Release:
    """The release of a model folder with its plan."""
    plan = home.root() / PLAN_FILE
    plan.write_text(plan_of(model).text(), encoding="utf-8")
    return release.build(model, facts(model), plan)


def plan_of(model: Path) -> ServingPlan:
    """A plan for ``model`` that serves it otherwise than it was trained."""
    content = fingerprints.content_hash(model)
    return serving_plans.plan(model_version="3", model_content=content)
