"""The serving plan: which strategies serve one model on one kind of machine, and why.

``serving_plan.json`` is written by ``run.py --pipeline optimize`` and read by the service. A plan
belongs to the files of one model: for another one it is refused.
"""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from assay import hardware
from assay.errors import PlanMismatch
from assay.serving_recipe import DEFAULT, ServingRecipe
from assay.serving_strategies import recipe_of, unavailable
from assay.settings import Settings

PLAN_FILE = "serving_plan.json"

LIBRARIES = ("torch", "transformers", "peft", "torchao", "bitsandbytes", "onnxruntime", "numpy")
"""Packages that decide about speed; what is not installed is not in a plan."""

Seconds = Annotated[float, Field(ge=0)]
Megabytes = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _checked(choices: tuple[str, ...]) -> tuple[str, ...]:
    recipe_of(choices)
    return choices


Choices = Annotated[tuple[str, ...], AfterValidator(_checked)]


class Part(Settings):
    """What a plan is made of: nothing is converted, a number that stands as text is an error."""

    model_config = ConfigDict(strict=True)


class Latency(Part):
    """Milliseconds from a question to its verdict, asked one at a time."""

    p50: Rate
    p95: Rate
    p99: Rate


class Accuracy(Part):
    """How right the verdicts are on held-out images, and how many differ from fp32's."""

    images: int = Field(ge=0)
    auc: Share | None
    tpr_at_5_fpr: Share | None
    ece: Share | None
    word_auc: Share | None
    """AUC of what the model alone says, before any fusion: it may count for nothing there."""
    flips: Share
    """Share of the images whose verdict is another than fp32 gave."""
    word_flips: Share
    """The same of what the model alone says."""


class Ratios(Part):
    """Figures divided by the baseline's, taken in turns within one trial: a machine may be busy."""

    throughput: Rate
    """Of the model stage, each in batches as large as its own recipe says."""
    latency: Rate
    """Of one question by itself; as of all ratios, of the fastest of each."""
    end_to_end: Rate | None = None
    """Images a second from bytes to verdict; None where that was not measured."""


class Figures(Part):
    """What was measured of one way to serve."""

    load: Seconds
    """Until the first question is answered, compilation included."""
    size: Megabytes
    """Of the weights in memory, of one instance."""
    peak_memory: Megabytes
    """Resident, of all processes that hold the model (of the device where that is a GPU)."""
    cpu: Rate
    """Cores that were busy while it answered, on average."""
    gpu: Share | None = None
    """Of the time; None without one."""
    latency: Latency
    throughput: dict[int, Rate]
    """Images a second by batch size, of the model stage; of the fastest batch."""
    reasons: Rate
    """Images a second with the written reasons of each, where verdicts alone are `throughput`."""
    end_to_end: Rate | None = None
    """Images a second from bytes to verdict, evidence measured; None where not measured."""
    accuracy: Accuracy
    ratios: Ratios


class Trial(Part):
    """Some choices that were tried together, and what came of it."""

    choices: Choices
    figures: Figures | None = None
    reason: str = ""
    """Why there are no figures, or why these were not good enough."""

    @property
    def name(self) -> str:
        """The choices in a line; single precision goes without saying beside others."""
        return " + ".join(c for c in self.choices if c != "fp32") or "fp32"


class ServingPlan(Part):
    """Choices for one model, with all that they were based on."""

    schema_version: Literal[1] = 1
    model_version: str
    """As in the registry, or the name that the model's folder gives."""
    model_content: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of the model's files (`assay.fingerprints.content_hash`)."""
    dataset_version: str
    """Whose test split held the images that accuracy was measured on."""
    made_at: str
    """ISO 8601, UTC."""
    hardware: dict[str, str]
    """See `assay.hardware.describe`."""
    versions: dict[str, str]
    """See `library_versions`."""
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
    trials: tuple[Trial, ...]
    seconds: Seconds
    """That measuring took."""

    @model_validator(mode="after")
    def _can_be_compared(self) -> Self:
        if lacking := {1, DEFAULT.batch_size} - self.baseline.throughput.keys():
            raise ValueError(f"baseline.throughput lacks batches of {sorted(lacking)}")
        return self

    @property
    def recipe(self) -> ServingRecipe:
        """How the model is to be loaded and asked."""
        return recipe_of(self.choices)

    @property
    def name(self) -> str:
        """A short name that changes with the content: ``plan-`` and 12 hex digits."""
        return f"plan-{hashlib.sha256(self.text().encode()).hexdigest()[:12]}"

    @property
    def speed_up(self) -> float:
        """Images a second of the model stage, over fp32's one at a time."""
        return self.figures.ratios.throughput * self.baseline_speed_up

    @property
    def baseline_speed_up(self) -> float:
        """Images a second of fp32 in its own batches, over fp32's one at a time."""
        rates = self.baseline.throughput
        return rates[DEFAULT.batch_size] / rates[1]

    def text(self) -> str:
        """As it stands in the file."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    def save(self, path: Path) -> None:
        """Write the file."""
        path.write_text(self.text(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a plan; raises ValueError (of pydantic) or OSError for one that cannot be read."""
        return cls.model_validate_json(path.read_bytes())


def library_versions() -> dict[str, str]:
    """The installed ones of `LIBRARIES`."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def read(path: Path | None, model_content: str) -> tuple[ServingPlan | None, str]:
    """The plan in the file ``path`` for the model of that content, or None and why in one line.

    None is the default plan's case: there is no file, it is damaged, or this machine cannot do what
    it says. Raises `PlanMismatch` for a plan that was made for another model.
    """
    if path is None or not path.exists():
        return None, "there is no serving plan; make one with: python run.py --pipeline optimize"
    try:
        plan = ServingPlan.load(path)
    except (ValueError, OSError) as error:
        return None, f"the serving plan {path} cannot be read ({_first(error)}); make it again"
    refuse_other_model(plan, model_content)
    lacking = ((choice, unavailable(choice)) for choice in plan.choices)
    refused = [f"{choice}: {reason}" for choice, reason in lacking if reason]
    if refused:
        return None, f"{plan.name} cannot be followed on this machine ({'; '.join(refused)})"
    return plan, ""


def refuse_other_model(plan: ServingPlan, model_content: str) -> None:
    """Raise `PlanMismatch` unless ``plan`` was made for the model whose files have this hash."""
    if plan.model_content != model_content:
        raise PlanMismatch(
            f"{plan.name} was made for model {plan.model_version} ({plan.model_content[:12]}), "
            f"not for the one that is to be served ({model_content[:12]}); make one for it with: "
            "python run.py --pipeline optimize --set model=VERSION"
        )


def differences(plan: ServingPlan) -> tuple[str, ...]:
    """How this machine differs from the one that ``plan`` was measured on, a sentence each."""
    pairs = [
        (f"the plan was measured on {name} {then!r}, this machine has {now.get(name, 'none')!r}")
        for known, now in (
            (plan.hardware, hardware.describe()),
            (plan.versions, library_versions()),
        )
        for name, then in known.items()
        if now.get(name) != then
    ]
    return tuple(pairs)


def _first(error: ValueError | OSError) -> str:
    """What is wrong first, in one line."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        return f"{where}: {problem['msg']}" if where else problem["msg"]
    return str(getattr(error, "strerror", None) or error).partition("\n")[0]
