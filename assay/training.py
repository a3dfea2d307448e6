"""Training: warm a tiny base up, then fit the LoRA adapter that is evaluated and shipped.

Each stage works in a folder keyed by code, dataset and settings, so a run that was killed anywhere
finds its prepared pixels and checkpoints again; what a finished run leaves is its ``result``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from assay import model_loading, models, prompts
from assay.errors import DataError
from assay.fingerprints import content_digest, content_hash, group_digest, run_key
from assay.model_folder import (
    ADAPTER_FOLDER,
    BASE_FOLDER,
    MODEL_FILE,
    NULL_RATES_FILE,
    read_facts,
)
from assay.null_rates import NullRates, fit_null_rates
from assay.optimisation import OptimisationSettings, optimise
from assay.progress import Progress
from assay.records import Split
from assay.settings import Settings
from assay.training_data import TrainingData, prepare
from assay.training_log import OnMetrics
from assay.watching import OnAnswers

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

_FITTED = (Split.TRAIN, Split.VALIDATION)


class BaseSettings(Settings):
    """Where the base model comes from, and how far a random one is warmed up."""

    family: str = "tiny_qwen2_5_vl"
    options: dict[str, Any] = Field(default_factory=dict)
    """Settings of the family, such as the geometry of a tiny model."""
    warm_up: bool = False
    """Train all weights first: under a random base an adapter alone learns too little."""
    rehearsals: int = Field(default=0, ge=0)
    """Questions with invented findings for each image of the warm-up, instead of one with its own:
    so a base learns to read any ledger (`assay.rehearsal`)."""
    optimisation: OptimisationSettings = OptimisationSettings(
        epochs=6.0, learning_rate=2e-3, rationale_weight=10.0, selection="loss"
    )

    @field_validator("family")
    @classmethod
    def _known(cls, name: str) -> str:
        models.family(name)
        return name


class TrainingSettings(Settings):
    """How the adapter is fitted."""

    lora_rank: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_dropout: float = Field(default=0.05, ge=0, lt=1)
    optimisation: OptimisationSettings = OptimisationSettings()
    replay: float = Field(default=1.0, ge=0)
    """Images of photographs that an adapter was fitted on, for each new one, where it is continued:
    so that it does not forget them (Rolnick et al. 2019, "Experience replay")."""


def unheard(step: int, metrics: dict[str, float]) -> None:
    """An `OnMetrics` that nobody hears."""


def warm_up_base(
    dataset: Dataset,
    measurements: pa.Table,
    settings: BaseSettings,
    work: Path,
    progress: Progress,
    on_metrics: OnMetrics = unheard,
    on_answers: OnAnswers | None = None,
) -> Path:
    """Return the folder of a base model, trained on all its weights unless told otherwise.

    ``measurements`` is the table of `measuring.measure_dataset` over what is fitted on.
    """
    run = work / run_key("base", dataset.version, settings)
    if (run / "result").exists():
        return run / "result"
    family = models.family(settings.family)
    fresh = run / "fresh"
    family.create_base(settings.options, settings.optimisation.seed, fresh)
    model, processor = family.load_model(fresh), family.load_processor(fresh)
    if settings.warm_up:
        rehearsals = settings.rehearsals
        data = _prepare(dataset, measurements, processor, run, progress, rehearsals)
        listening = progress, on_metrics, on_answers
        optimise(model, processor, data, settings.optimisation, run, *listening)

    def write(folder: Path) -> None:
        model.save_pretrained(folder)
        processor.save(folder)

    return _finish(run, write)


def train_adapter(
    dataset: Dataset,
    measurements: pa.Table,
    base: Path,
    base_settings: BaseSettings,
    settings: TrainingSettings,
    work: Path,
    progress: Progress,
    on_metrics: OnMetrics = unheard,
    on_answers: OnAnswers | None = None,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Return a model folder: base, adapter, null rates, and what they were made from.

    ``reasons`` are what a teacher wrote about images, by their id; the offline one writes the rest.
    """
    import torch
    from peft import get_peft_model

    told = [content_digest(reasons)] if reasons else []
    run = work / run_key("adapter", dataset.version, base_settings, settings, *told)
    if (run / "result").exists():
        return run / "result"
    family = models.family(base_settings.family)
    processor = family.load_processor(base)
    data = _prepare(dataset, measurements, processor, run, progress, reasons=reasons)
    torch.manual_seed(settings.optimisation.seed)  # of the adapter's first weights
    model = get_peft_model(family.load_model(base), _lora(settings, family.lora_targets))
    listening = progress, on_metrics, on_answers
    optimise(model, processor, data, settings.optimisation, run, *listening)
    facts = _facts(dataset, base_settings.model_dump(mode="json"), settings)
    return _finish(run, partial(_write, base, model, fit_null_rates(measurements), facts))


def continue_adapter(
    dataset: Dataset,
    measurements: pa.Table,
    start: Path,
    settings: TrainingSettings,
    work: Path,
    progress: Progress,
    on_metrics: OnMetrics = unheard,
    on_answers: OnAnswers | None = None,
) -> Path:
    """Return a model folder whose adapter goes on from that of the model folder ``start``.

    It learns from photographs that the old one has not seen, and replays others beside them
    (`TrainingSettings.replay`); rank and scale of the adapter stay. Raises `DataError` where
    ``dataset`` holds no new photographs in its training split.
    """
    import torch

    facts = read_facts(start)
    run = work / run_key("adapter", content_hash(start), dataset.version, settings)
    if (run / "result").exists():
        return run / "result"
    seen = frozenset(facts["seen_groups"])
    chosen = {split: _replayed(dataset, split, seen, settings) for split in _FITTED}
    processor = models.family(facts["family"]).load_processor(start / BASE_FOLDER)
    data = _prepare(dataset, measurements, processor, run, progress, only=chosen)
    torch.manual_seed(settings.optimisation.seed)  # of the dropout
    model = model_loading.load_trainable(start)
    listening = progress, on_metrics, on_answers
    optimise(model, processor, data, settings.optimisation, run, *listening)
    kept = {name: facts["training"][name] for name in ("lora_rank", "lora_alpha", "lora_dropout")}
    made = _facts(dataset, facts["base"], settings.model_copy(update=kept))
    made["seen_groups"] = sorted({*made["seen_groups"], *seen})
    rates = fit_null_rates(measurements)
    return _finish(run, partial(_write, start / BASE_FOLDER, model, rates, made))


def _replayed(
    dataset: Dataset, split: Split, seen: Collection[str], settings: TrainingSettings
) -> frozenset[str]:
    """The new images of ``split``, and others drawn by a hash of their ids."""
    rows = dataset.table(["image_id", "group"], split).to_pylist()
    new = [row["image_id"] for row in rows if group_digest(row["group"]) not in seen]
    if not new and split is Split.TRAIN:
        raise DataError("no image to learn from is new to the model; add labelled photographs")
    old = sorted({row["image_id"] for row in rows} - set(new), key=group_digest)
    # A split without anything new is judged on what it always was judged on.
    return frozenset([*new, *old[: round(settings.replay * len(new)) if new else None]])


def _facts(dataset: Dataset, base: dict[str, Any], settings: TrainingSettings) -> dict[str, Any]:
    return {
        "family": base["family"],
        "prompt_version": prompts.PROMPT_VERSION,
        "dataset_version": dataset.version,
        "seen_groups": _seen_groups(dataset),
        "base": base,
        "training": settings.model_dump(mode="json"),
    }


def _write(base: Path, model: Any, rates: NullRates, facts: dict[str, Any], folder: Path) -> None:
    shutil.copytree(base, folder / BASE_FOLDER)
    _save_adapter(model, folder / ADAPTER_FOLDER)
    rates.save(folder / NULL_RATES_FILE)
    (folder / MODEL_FILE).write_text(json.dumps(facts, indent=2), encoding="utf-8")


def _save_adapter(model: Any, folder: Path) -> None:
    """Without peft's traces of where the base lay: the same training gives the same bytes."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    config = folder / "adapter_config.json"
    settings = json.loads(config.read_text(encoding="utf-8")) | {"base_model_name_or_path": None}
    config.write_text(json.dumps(settings, indent=2, sort_keys=True), encoding="utf-8")


def _seen_groups(dataset: Dataset) -> list[str]:
    """Digests of the photographs that training or validation has used: none of them may judge."""
    fitted = [dataset.table(["group"], split)["group"].unique() for split in _FITTED]
    return sorted({group_digest(str(group)) for groups in fitted for group in groups})


def _lora(settings: TrainingSettings, targets: str) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def _prepare(
    dataset: Dataset,
    measurements: pa.Table,
    processor: models.Processor,
    run: Path,
    progress: Progress,
    rehearsals: int = 0,
    only: Mapping[Split, Collection[str]] = MappingProxyType({}),
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> tuple[TrainingData, TrainingData]:
    """Both splits, or some images; who has rehearsed is judged on what was really measured."""
    known = measurements, fit_null_rates(measurements), processor
    training, validation = (run / "prepared" / split for split in _FITTED)
    first, second = (only.get(split) for split in _FITTED)
    return (
        prepare(dataset, Split.TRAIN, *known, training, progress, rehearsals, first, reasons),
        prepare(
            dataset, Split.VALIDATION, *known, validation, progress, only=second, reasons=reasons
        ),
    )


def _finish(run: Path, write: Callable[[Path], None]) -> Path:
    """Write the result beside its place and move it there whole, then drop all else of the run."""
    unfinished, result = run / "unfinished", run / "result"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write(unfinished)
    unfinished.rename(result)
    for leftover in run.iterdir():
        if leftover != result:
            shutil.rmtree(leftover)
    return result
