"""The serving plan: which strategies serve one model on one kind of machine, and why.

``serving_plan.json`` is written by ``run.py --pipeline optimize`` and read by the service. A plan
belongs to the files of one model: for another one it is refused.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import recipe_of
from assay.settings import Settings

PLAN_FILE = "serving_plan.json"

Seconds = Annotated[float, Field(ge=0)]
Megabytes = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _checked(choices: tuple[str, ...]) -> tuple[str, ...]:
    recipe_of(choices)
    return choices


Choices = Annotated[tuple[str, ...], AfterValidator(_checked)]


class Latency(Settings):
    """Milliseconds from a question to its verdict, asked one at a time."""

    p50: float
    p95: float
    p99: float


class Accuracy(Settings):
    """How right the verdicts are on held-out images, and how many differ from fp32's."""

    images: int
    auc: float | None
    tpr_at_5_fpr: float | None
    ece: float | None
    flips: Share
    """Share of the images whose verdict is another than fp32 gave."""
    word_flips: Share
    """The same of what the model alone says, before any fusion: it may count for nothing there."""


class Figures(Settings):
    """What was measured of one way to serve."""

    load: Seconds
    size: Megabytes
    """Of the weights in memory."""
    peak_memory: Megabytes
    """Resident, of the whole process (of the device where that is a GPU)."""
    cpu: Annotated[float, Field(ge=0)]
    """Cores that were busy while it answered, on average."""
    gpu: Share | None = None
    """Of the time; None without one."""
    latency: Latency
    throughput: dict[int, float]
    """Images a second by batch size, of the model stage."""
    accuracy: Accuracy


class Trial(Settings):
    """Some choices that were tried together, and what came of it."""

    choices: Choices
    figures: Figures | None = None
    reason: str = ""
    """Why there are no figures, or why these were not good enough."""


class ServingPlan(Settings):
    """Choices for one model, with all that they were based on."""

    schema_version: Literal[1] = 1
    model_version: str
    """As in the registry, or the name that the model's folder gives."""
    model_content: str = Field(min_length=64, max_length=64)
    """Hash of the model's files (`assay.fingerprints.content_hash`)."""
    made_at: str
    """ISO 8601, UTC."""
    hardware: dict[str, str]
    """See `assay.hardware.describe`."""
    versions: dict[str, str]
    """Of the libraries that decide about speed."""
    objective: str
    limits: dict[str, float]
    choices: Choices
    reasons: tuple[str, ...]
    """Why these, in sentences for a reader."""
    preferred_batch_sizes: tuple[int, ...]
    baseline: Figures
    """fp32, as the model was trained."""
    figures: Figures
    """Of all choices together."""
    end_to_end: dict[str, float]
    """Images a second from bytes to verdict, evidence measured: ``baseline`` and ``plan``."""
    trials: tuple[Trial, ...]

    @property
    def recipe(self) -> ServingRecipe:
        """How the model is to be loaded and asked."""
        return recipe_of(self.choices)

    @property
    def name(self) -> str:
        """A short name that changes with the content: ``plan-`` and 12 hex digits."""
        return f"plan-{hashlib.sha256(self.text().encode()).hexdigest()[:12]}"

    def text(self) -> str:
        """As it stands in the file."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a plan; raises ValueError (of pydantic) or OSError for one that cannot be read."""
        return cls.model_validate_json(path.read_bytes())
