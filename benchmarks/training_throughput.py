"""Images a second of `train_adapter`, of a plain Trainer script and of the bare model.

All three train the same LoRA adapter on the same base and images. The plain script is the usual
first version: batches of one with four accumulation steps, pixels kept as Python lists, labels as
long as the input. The bare loop runs forward and backward over batches that are already tensors.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import measuring, models, null_rates
from assay.dataset import Dataset, DataSettings
from assay.dataset_builder import build_dataset
from assay.images import Variant
from assay.optimisation import OptimisationSettings, verdict_loss
from assay.progress import silent
from assay.records import Split
from assay.training import BaseSettings, TrainingSettings, train_adapter, warm_up_base
from assay.training_data import Collator, Conversation, TrainingData, prepare
from benchmarks.figures import Figure, in_turns, report

if TYPE_CHECKING:
    import pyarrow as pa
    from transformers import PreTrainedModel

ROUNDS = 3
STEPS = 3
"""Optimizer steps that are timed, after one that is not."""
PLAIN_ACCUMULATION = 4
BASE = BaseSettings(warm_up=False)


def measure() -> list[Figure]:
    """Both ratios, from medians over rounds in turns."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        ours, plain, bare = in_turns(ROUNDS, bench.ours, bench.plain, bench.bare)
    return [
        Figure("training, against a plain Trainer script", ours / plain, "x", at_least=2.0),
        Figure("training, against bare forward + backward", ours / bare, "x", at_least=0.9),
        Figure("training", ours, "images/s"),
    ]


class Bench:
    """One dataset and one base for all contestants."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = itertools.count()
        data = DataSettings(options={"crops_per_photo": 3})
        self._dataset: Dataset = build_dataset(data, folder / "datasets", silent)
        self._measurements: pa.Table = measuring.measure_dataset(
            self._dataset, [Split.TRAIN, Split.VALIDATION], Variant.BIAS_CONTROLLED, None, silent
        )
        self._base = warm_up_base(self._dataset, self._measurements, BASE, folder, silent)
        self._family = models.family(BASE.family)
        self._processor = self._family.load_processor(self._base)
        rates = null_rates.fit_null_rates(self._measurements)
        self._examples: TrainingData = prepare(
            self._dataset,
            Split.TRAIN,
            self._measurements,
            rates,
            self._processor,
            folder / "prepared",
            silent,
        )

    def ours(self) -> float:
        """Images a second inside `train_adapter`, from the first to the last training step."""
        settings = TrainingSettings(
            optimisation=OptimisationSettings(max_steps=STEPS + 1, evaluations=1)
        )
        clock = StepClock()
        train_adapter(
            self._dataset,
            self._measurements,
            self._base,
            BASE,
            settings,
            self._folder / f"run-{next(self._runs)}",
            clock,
            lambda *_: None,
        )
        return clock.steps_a_second() * settings.optimisation.batch_size

    def plain(self) -> float:
        """Images a second of the plain script."""
        from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

        clock = StepClock()

        class Timer(TrainerCallback):
            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                clock(state.global_step, state.max_steps, "training")

        steps = self._batch_size() * STEPS // PLAIN_ACCUMULATION + 1
        rows = [self._as_lists(row) for row in self._first(steps * PLAIN_ACCUMULATION)]
        arguments = TrainingArguments(
            output_dir=str(self._folder / f"plain-{next(self._runs)}"),
            per_device_train_batch_size=1,
            gradient_accumulation_steps=PLAIN_ACCUMULATION,
            max_steps=steps,
            use_cpu=True,
            save_strategy="no",
            remove_unused_columns=False,
            report_to=[],
            disable_tqdm=True,
        )
        trainer = Trainer(self._model(), arguments, _tensors, rows, callbacks=[Timer()])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return clock.steps_a_second() * PLAIN_ACCUMULATION

    def bare(self) -> float:
        """Images a second of forward and backward alone, in batches as large as ours."""
        size, model = self._batch_size(), self._model().train()
        collate = Collator(self._processor, OptimisationSettings().rationale_weight)
        rows = self._first(size * (STEPS + 1))
        batches = [collate(rows[start : start + size]) for start in range(0, len(rows), size)]
        clock = StepClock()
        for step, batch in enumerate(batches, 1):
            labels, weights = batch.pop("labels"), batch.pop("loss_weights")
            del batch["verdicts"], batch["answer_lengths"]
            kept = labels.shape[1] + 1
            logits = model(**batch, logits_to_keep=kept, use_cache=False).logits
            verdict_loss(logits, labels, weights).backward()
            model.zero_grad()
            clock(step, len(batches), "training")
        return clock.steps_a_second() * size

    def _first(self, count: int) -> list[Conversation]:
        """The first examples, from the beginning again where there are fewer."""
        return [self._examples[i % len(self._examples)] for i in range(count)]

    def _batch_size(self) -> int:
        return OptimisationSettings().batch_size

    def _model(self) -> PreTrainedModel:
        from peft import LoraConfig, get_peft_model

        adapter = TrainingSettings()
        lora = LoraConfig(
            r=adapter.lora_rank,
            lora_alpha=adapter.lora_alpha,
            lora_dropout=adapter.lora_dropout,
            target_modules=self._family.lora_targets,
        )
        model: PreTrainedModel = get_peft_model(self._family.load_model(self._base), lora)
        return model

    def _as_lists(self, example: Conversation) -> dict[str, list[Any]]:
        batch = self._processor.collate([example.pixels], [example.prompt + example.answer])
        labels = [-100] * len(example.prompt) + example.answer
        return {name: tensor.tolist() for name, tensor in batch.items()} | {"labels": [labels]}


class StepClock:
    """A `Progress` that notes when each training step ended."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = {}

    def __call__(self, done: int, total: int, what: str, /) -> None:
        """Note the first report of each step of the training itself."""
        if what.startswith("training"):
            self._ends.setdefault(done, time.perf_counter())

    def steps_a_second(self) -> float:
        """From the end of the first step to the end of the last."""
        first, last = min(self._ends), max(self._ends)
        return (last - first) / (self._ends[last] - self._ends[first])


def _tensors(rows: list[dict[str, list[Any]]]) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(values) for name, values in rows[0].items()}


if __name__ == "__main__":
    sys.exit(report(measure))
