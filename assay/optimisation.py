"""One supervised run of transformers' Trainer, for a whole model or an adapter alike.

Only the answer is supervised, and the verdict token weighs as much as the settings say, however
long the rationale is. The best checkpoint on the validation split is kept; training stops early
when that no longer improves, and a killed run goes on from its last whole checkpoint.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from assay.hardware import resolve_precision
from assay.progress import Progress
from assay.settings import Seed, Settings
from assay.training_data import Collator, TrainingData
from assay.training_log import Listeners, OnMetrics, last_whole_checkpoint, reporter
from assay.watching import OnAnswers, Watcher

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import EvalPrediction, PreTrainedModel, TrainerCallback, TrainingArguments

    from assay.models import Processor


class OptimisationSettings(Settings):
    """How weights are optimised."""

    epochs: float = Field(default=2.0, gt=0)
    max_steps: int = Field(default=-1, ge=-1)
    """Stop after this many optimizer steps; -1 means `epochs` decide."""
    batch_size: int = Field(default=16, ge=1)
    accumulation: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    rationale_weight: float = Field(default=5.0, ge=0)
    """Weight of all rationale tokens together, beside 1 for the verdict token."""
    evaluations: int = Field(default=4, ge=1)
    """How often the validation split is scored, and a checkpoint kept, over the whole run."""
    selection: Literal["auc", "loss"] = "auc"
    """What of the validation split decides which checkpoint is kept and when training stops; the
    loss counts the reasons too."""
    patience: int = Field(default=2, ge=1)
    """Stop after this many evaluations without a better one by `selection`."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: Seed = 0


def optimise(
    model: PreTrainedModel,
    processor: Processor,
    data: tuple[TrainingData, TrainingData],
    settings: OptimisationSettings,
    folder: Path,
    progress: Progress,
    on_metrics: OnMetrics,
    on_answers: OnAnswers | None = None,
) -> None:
    """Fit the trainable weights of ``model`` in place on ``data`` (training, validation).

    Checkpoints live under ``folder``, whose name begins with the stage's. The metrics are those of
    `assay.training_log`; the answers are to a few validation images, at each evaluation.
    """
    watcher = Watcher(processor, data[1]) if on_answers else None
    listeners = Listeners(progress, on_metrics, on_answers)
    callback = reporter(listeners, watcher, f"training {folder.name.split('-')[0]}")
    trainer = _trainer(model, processor, data, settings, folder, callback)
    trainer.train(resume_from_checkpoint=last_whole_checkpoint(folder))


def verdict_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy of the answer tokens.

    ``logits`` ``[b, a + 1, v]`` of the last positions, ``labels`` and ``weights`` ``[b, a]``; each
    token is predicted by the logits before it.
    """
    from torch.nn.functional import cross_entropy

    predictions = logits[:, :-1].float().flatten(0, 1)
    losses = cross_entropy(predictions, labels.flatten(), ignore_index=-100, reduction="none")
    return (losses * weights.flatten()).sum()


def auc(scores: npt.NDArray[np.floating[Any]], positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve; 0.5 where only one class is present."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores)) if 0 < positive.sum() < len(positive) else 0.5


def _metrics(output: EvalPrediction) -> dict[str, float]:
    from scipy.special import log_softmax

    logits, labels = np.asarray(output.predictions), np.asarray(output.label_ids)
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    return {
        "auc": auc(-log_p[:, 0], labels != 0),
        "log_loss": float(-log_p[np.arange(len(labels)), labels].mean()),
        "accuracy": float((log_p.argmax(axis=1) == labels).mean()),
    }


def _trainer(
    model: PreTrainedModel,
    processor: Processor,
    data: tuple[TrainingData, TrainingData],
    settings: OptimisationSettings,
    folder: Path,
    callback: TrainerCallback,
) -> Any:
    from transformers import EarlyStoppingCallback, PrinterCallback

    trainer = _answer_trainer(processor.verdict_ids())(
        model=model,
        args=_arguments(settings, folder, len(data[0])),
        data_collator=Collator(processor, settings.rationale_weight),
        train_dataset=data[0],
        eval_dataset=data[1],
        compute_metrics=_metrics,
        callbacks=[callback, EarlyStoppingCallback(settings.patience)],
    )
    trainer.remove_callback(PrinterCallback)
    # The loss is a mean over its batch, so accumulated batches are to be averaged, not summed.
    trainer.model_accepts_loss_kwargs = False
    return trainer


def _answer_trainer(verdict_ids: list[int]) -> Any:
    """A Trainer class whose loss and predictions look at the answer's positions alone."""
    import torch
    from peft import PeftModel
    from safetensors.torch import save_model
    from transformers import Trainer
    from transformers.utils import SAFE_WEIGHTS_NAME

    class AnswerTrainer(Trainer):
        def compute_loss(
            self,
            model: Any,
            inputs: dict[str, Any],
            return_outputs: bool = False,
            num_items_in_batch: Any = None,
        ) -> Any:
            inputs = dict(inputs)
            labels, weights = inputs.pop("labels"), inputs.pop("loss_weights")
            first = labels.shape[1] - inputs.pop("answer_lengths")
            inputs.pop("verdicts")
            logits = model(**inputs, logits_to_keep=labels.shape[1] + 1, use_cache=False).logits
            loss = verdict_loss(logits, labels, weights)
            if not return_outputs:
                return loss
            return loss, logits[torch.arange(len(first)), first][:, verdict_ids]

        def prediction_step(
            self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
        ) -> tuple[Tensor, Tensor, Tensor]:
            inputs = self._prepare_inputs(inputs)
            with torch.no_grad(), self.compute_loss_context_manager():
                loss, logits = self.compute_loss(model, inputs, return_outputs=True)
            return loss, logits.float(), inputs["verdicts"]

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            # save_pretrained renames the weights of a whole Qwen2.5-VL to their published names,
            # which resuming and "best model" then fail to find, with no more than a warning.
            if isinstance(self.model, PeftModel) or self.model is None:
                super()._save(output_dir, state_dict)
                return
            folder = Path(output_dir or str(self.args.output_dir))
            folder.mkdir(parents=True, exist_ok=True)
            save_model(self.model, str(folder / SAFE_WEIGHTS_NAME))

    return AnswerTrainer


def _arguments(settings: OptimisationSettings, folder: Path, rows: int) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    steps = settings.max_steps
    if steps < 0:
        rows_a_step = settings.batch_size * settings.accumulation
        steps = max(1, math.ceil(settings.epochs * rows / rows_a_step))
    every = max(1, steps // settings.evaluations)
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=2 * settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=int(settings.warmup_share * steps),
        weight_decay=settings.weight_decay,
        use_cpu=not torch.cuda.is_available(),
        bf16=resolve_precision(settings.precision) == "bf16",
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=every,
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=settings.selection,
        greater_is_better=settings.selection == "auc",
        logging_steps=max(1, every // 10),
        remove_unused_columns=False,
        label_names=["verdicts"],
        seed=settings.seed,
        report_to=[],
        disable_tqdm=True,
    )
