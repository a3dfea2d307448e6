"""The facts of a model card: what a model is, learned from and is worth, and how it was made.

After Mitchell et al. 2019, "Model Cards for Model Reporting". `assay.reports.model_card` writes
them down.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from assay import catalogue, hardware, home, model_registry, parameters
from assay.calibration import Calibration
from assay.catalogue import Contents
from assay.dataset import Dataset, DataSettings
from assay.errors import CheckpointMismatch
from assay.evaluation import Evaluation
from assay.images import Variant
from assay.model_folder import (
    CALIBRATION_FILE,
    CAPTURES,
    LABELLED,
    LEARNING,
    RECALIBRATED,
    RETRAINED,
    read_facts,
)
from assay.model_registry import ModelFacts
from assay.predictions import unseen
from assay.review import ReviewSettings
from assay.robustness import Robustness
from assay.training import BaseSettings, TrainingSettings

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run

    from assay.settings import Settings

_PIPELINE = "train"
_SECONDS = {"warm-up": "warm_up/seconds", "adapter": "train/seconds"}
"""Metrics of the run that give the duration of a stage."""
_NOT_OF_THE_RESULT = {"data.workers"}
"""Settings that say how, not what."""


@dataclass(frozen=True, slots=True)
class Training:
    """How the model was made."""

    seconds: Mapping[str, float]
    """By stage, as the run recorded them."""
    hardware: str
    settings: Mapping[str, Any]
    """Settings that differ from the defaults of their classes, such as ``data.limit``."""
    command: str
    """Run on the same commit, it makes the model again."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that a card states."""

    model: ModelFacts
    name: str
    """By which verdicts name the model."""
    family: str
    lora_rank: int
    parameters: int
    """Of the base."""
    adapter_parameters: int
    data: Contents
    evaluation: Evaluation
    calibration: Calibration
    review_share: Mapping[Variant, float]
    """Share of the test images whose score lies in the review band."""
    training: Training
    recalibrated: Mapping[str, str] = field(default_factory=dict)
    """Of a model that was moved: the ``model`` that it was, and the ``dataset`` of its labels."""
    robustness: Robustness | None = None
    """None where that was not measured."""
    retrained: Mapping[str, str] = field(default_factory=dict)
    """Of a model that went on learning: the ``model`` that it was, and its new ``dataset``."""
    captures: Mapping[str, str] = field(default_factory=dict)
    """The traffic that it was moved to: ``since`` and ``until``, ISO 8601."""
    learning: str = ""
    """What labels of that traffic taught about findings, in a sentence."""


def gather(
    bundle: Path,
    dataset: Dataset,
    evaluation: Evaluation,
    predictions: pd.DataFrame,
    robustness: Robustness | None = None,
) -> ModelCard:
    """The card of a registered ``bundle``; ``evaluation`` is that of ``predictions``.

    Raises `CheckpointMismatch` for a folder that is no calibrated model.
    """
    facts, model = read_facts(bundle), model_registry.describe(bundle)
    data = catalogue.contents(dataset)
    calibration = Calibration.load(bundle / CALIBRATION_FILE)
    stored = {"data": dict(data.settings), "base": facts["base"], "training": facts["training"]}
    stored["review"] = _promised(calibration)
    run = model_registry.run_of(model.version)
    return ModelCard(
        model=model,
        name=facts.get("version", bundle.name),
        family=facts["family"],
        lora_rank=facts["training"]["lora_rank"],
        parameters=_parameters(bundle / "base"),
        adapter_parameters=_parameters(bundle / "adapter"),
        data=data,
        evaluation=evaluation,
        calibration=calibration,
        review_share=_review_share(predictions),
        training=Training(
            seconds=_seconds(run),
            hardware=run.data.tags.get("hardware") or hardware.summary(),
            settings=_differing(stored, {}),
            command=_command(facts, stored),
        ),
        recalibrated=facts.get(RECALIBRATED, {}),
        retrained=facts.get(RETRAINED, {}),
        captures=facts.get(CAPTURES, {}),
        learning=facts.get(LEARNING, ""),
        robustness=robustness,
    )


def command(stored: Mapping[str, Mapping[str, Any]]) -> str:
    """The command line that trains with the settings ``stored`` (data, base, training).

    It names what differs from the configuration file that `run.py` reads by itself.
    """
    file = home.REPOSITORY / "configs" / f"{_PIPELINE}.yaml"
    usual = parameters.read(file if file.is_file() else None)
    words = ["python", "run.py", "--pipeline", _PIPELINE]
    for name, value in _differing(stored, usual).items():
        words += ["--set", f"{name}={_yaml(value)}"]
    return shlex.join(words)


def _command(facts: Mapping[str, Any], stored: Mapping[str, Mapping[str, Any]]) -> str:
    """The command line that makes the described model again, from the same captures if any."""
    name, how = ("recalibrate", RECALIBRATED) if RECALIBRATED in facts else ("retrain", RETRAINED)
    made_of = facts.get(how, {})
    if made_of and made_of["dataset"] == facts.get(LABELLED):
        given = {"model": made_of["model"], **facts[CAPTURES]}
        words = ["python", "run.py", "--pipeline", name]
        return shlex.join([*words, *(w for k, v in given.items() for w in ("--set", f"{k}={v}"))])
    return _recalibration(made_of, stored) if RECALIBRATED in facts else command(stored)


def _recalibration(moved: Mapping[str, str], stored: Mapping[str, Mapping[str, Any]]) -> str:
    """The command line that moves the model that was there before to the same images."""
    words = ["python", "run.py", "--pipeline", "recalibrate", "--set", f"model={moved['model']}"]
    settings = {"input": stored["data"]["options"]["path"]}
    settings |= _differing({"review": stored["review"]}, {})
    for name, value in settings.items():
        words += ["--set", f"{name}={_yaml(value)}"]
    return shlex.join(words)


def _promised(calibration: Calibration) -> dict[str, float]:
    """The settings of the review band, where the calibration knows them."""
    promise = calibration.review
    return {} if promise is None else {"bound": promise.bound, "confidence": promise.confidence}


def _differing(
    stored: Mapping[str, Mapping[str, Any]], usual: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The settings in ``stored`` that are not what the classes make of ``usual``."""
    classes: dict[str, type[Settings]] = {
        "data": DataSettings,
        "base": BaseSettings,
        "training": TrainingSettings,
        "review": ReviewSettings,
    }
    found: dict[str, Any] = {}
    for part, kind in classes.items():
        expected = kind.model_validate(usual.get(part, {})).model_dump(mode="json")
        found |= _differences(stored.get(part, {}), expected, f"{part}.")
    return {name: value for name, value in found.items() if name not in _NOT_OF_THE_RESULT}


def _differences(given: Mapping[str, Any], expected: Any, prefix: str) -> dict[str, Any]:
    """Values by dotted path; what is no mapping on both sides is compared whole."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        usual = expected.get(name) if isinstance(expected, Mapping) else None
        if isinstance(value, Mapping):
            found |= _differences(value, usual, f"{prefix}{name}.")
        elif value != usual:
            found[f"{prefix}{name}"] = value
    return found


def _yaml(value: Any) -> str:
    """As short as it reads back the same."""
    if isinstance(value, str) and value and yaml.safe_load(value) == value:
        return value
    return json.dumps(value)


def _seconds(run: Run) -> dict[str, float]:
    """How long each stage took; of a run that did not say so, from its start to its end."""
    known = {stage: run.data.metrics.get(name) for stage, name in _SECONDS.items()}
    if found := {stage: float(value) for stage, value in known.items() if value is not None}:
        return found
    return {"all": (run.info.end_time - run.info.start_time) / 1000} if run.info.end_time else {}


def _review_share(predictions: pd.DataFrame) -> dict[Variant, float]:
    rows = unseen(predictions)
    share = rows["needs_review"].astype(float).groupby(rows["variant"]).mean()
    return {Variant(str(kind)): float(value) for kind, value in share.items()}


def _parameters(folder: Path) -> int:
    """Numbers in the safetensors files of ``folder``; only their headers are read."""
    from safetensors import SafetensorError, safe_open

    total = 0
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as weights:
                shapes = [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118 (no mapping)
        except (OSError, SafetensorError) as error:
            raise CheckpointMismatch(f"{file} holds no weights ({error}); train again") from error
        total += sum(map(prod, shapes))
    return total
