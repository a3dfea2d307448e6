from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from assay import models, null_rates
from assay.models import Processor
from assay.optimisation import (
    OptimisationSettings,
    _arguments,
    auc,
    optimise,
)
from assay.progress import silent
from assay.records import Split
from assay.training_data import TrainingData, prepare
from tests.training_runs import BASE, dataset_and_measurements

RESTLESS = OptimisationSettings(
    max_steps=8, batch_size=4, evaluations=8, patience=8, learning_rate=0.02, precision="fp32"
)
"""So high a learning rate that the last model is seldom the best one."""


class Setting:
    """A fresh base, its processor and both splits."""

    def __init__(self, path: Path) -> None:
        self.family = models.family(BASE.family)
        self.family.create_base(BASE.options, 0, path / "base")
        self.base = path / "base"
        self.processor: Processor = self.family.load_processor(self.base)
        dataset, measurements = dataset_and_measurements(path / "data")
        rates = null_rates.fit_null_rates(measurements)

        def split(name: Split) -> TrainingData:
            folder = path / name
            return prepare(dataset, name, measurements, rates, self.processor, folder, silent)

        self.data = split(Split.TRAIN), split(Split.VALIDATION)

    def model(self, adapter: bool) -> PreTrainedModel | PeftModel:
        model = self.family.load_model(self.base)
        config = LoraConfig(target_modules=self.family.lora_targets, task_type="CAUSAL_LM")
        return get_peft_model(model, config) if adapter else model


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


def validation_loss(setting: Setting, model: torch.nn.Module) -> float:
    """Mean negative log-likelihood of the verdicts, computed without the trainer."""
    examples = [setting.data[1][i] for i in range(len(setting.data[1]))]
    batch = setting.processor.collate([e.pixels for e in examples], [e.prompt for e in examples])
    with torch.inference_mode():
        logits = model.eval()(**batch, logits_to_keep=1).logits[:, -1]
    verdicts = logits[:, setting.processor.verdict_ids()]
    labels = torch.tensor([e.label for e in examples])
    return float(torch.nn.functional.cross_entropy(verdicts, labels))


@pytest.mark.parametrize("adapter", [False, True])
def test_the_best_checkpoint_is_the_one_that_stays(
    setting: Setting, tmp_path: Path, adapter: bool
) -> None:
    history: list[tuple[float, float]] = []

    def hear(step: int, metrics: dict[str, float]) -> None:
        if "validation/auc" in metrics:
            history.append((metrics["validation/auc"], metrics["validation/log_loss"]))

    model = setting.model(adapter)
    optimise(model, setting.processor, setting.data, RESTLESS, tmp_path, silent, hear)
    best = max(a for a, _ in history)
    first_best = next(loss for a, loss in history if a == best)
    assert len({loss for _, loss in history}) > 1
    assert validation_loss(setting, model) == pytest.approx(first_best, abs=1e-3)


def test_training_stops_when_validation_no_longer_improves(
    setting: Setting, tmp_path: Path
) -> None:
    steps: list[int] = []
    ruinous = RESTLESS.model_copy(update={"learning_rate": 3.0, "max_steps": 24, "patience": 1})
    settings = ruinous.model_copy(update={"evaluations": 24})
    optimise(
        setting.model(adapter=False),
        setting.processor,
        setting.data,
        settings,
        tmp_path,
        silent,
        lambda step, _: steps.append(step),
    )
    assert max(steps) < 24


def test_accumulated_batches_give_the_gradient_of_one_large_batch(
    setting: Setting, tmp_path: Path
) -> None:
    def gradient_norm(batch_size: int, accumulation: int) -> float:
        norms: list[float] = []
        settings = RESTLESS.model_copy(
            update={
                "max_steps": 1,
                "batch_size": batch_size,
                "accumulation": accumulation,
                "rationale_weight": 0.0,
            }
        )
        optimise(
            setting.model(adapter=False),
            setting.processor,
            setting.data,
            settings,
            tmp_path / f"{batch_size}",
            silent,
            lambda _, metrics: norms.append(metrics.get("train/gradient_norm", 0.0)),
        )
        return max(norms)

    assert gradient_norm(4, 2) == pytest.approx(gradient_norm(8, 1), rel=1e-3)


def test_auc_of_one_class_is_that_of_guessing() -> None:
    assert auc(torch.rand(4).numpy(), torch.ones(4, dtype=torch.bool).numpy()) == 0.5


@pytest.mark.parametrize(("selection", "higher_is_better"), [("auc", True), ("loss", False)])
def test_selection_decides_which_checkpoint_is_kept(
    selection: str, higher_is_better: bool, tmp_path: Path
) -> None:
    settings = OptimisationSettings(selection=selection, precision="fp32")
    chosen = _arguments(settings, tmp_path, 100)
    assert chosen.metric_for_best_model == selection
    assert chosen.greater_is_better is higher_is_better
