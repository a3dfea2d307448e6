"""A few fixed validation images, answered again and again while a model learns.

The questions are those of training (its pixels, its findings), the answers those of inference, so
that what is watched is what the finished model will say. Watching leaves the training as it is: no
random number is drawn, no weight or mode is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from assay import prompts
from assay.asking import rationales, verdict_logits
from assay.records import Label, Pixels
from assay.training_data import LABELS, Conversation, TrainingData

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from assay.models import Processor

PER_LABEL = 2


@dataclass(frozen=True, slots=True)
class WatchedAnswer:
    """What the model says about a watched image, at one moment."""

    name: str
    """Number and label, such as ``3-manipulated``; the same throughout a training."""
    image_id: str
    pixels: Pixels
    truth: Label
    expected: str
    """The answer that the image would teach, if it were a training image."""
    probabilities: dict[Label, float]
    """Not calibrated yet: that follows the training."""
    text: str

    @property
    def score(self) -> float:
        """Probability that the image is not authentic, 0..1."""
        return 1 - self.probabilities[Label.AUTHENTIC]


OnAnswers = Callable[[int, Sequence[WatchedAnswer]], None]
"""Called with (optimizer step, answers) after each evaluation."""


class Watcher:
    """Asks a model in training about the same images of ``data``, `PER_LABEL` of each label."""

    def __init__(self, processor: Processor, data: TrainingData) -> None:
        self._processor = processor
        self._examples = [data[index] for index in _spread(data)]

    def ask(self, model: PreTrainedModel) -> list[WatchedAnswer]:
        """The answers of ``model`` as it is now, which is left in the mode that it was in."""
        pixels = [example.pixels for example in self._examples]
        asked = self._processor, pixels, [example.prompt for example in self._examples]
        was_training = model.training
        model.train(False)
        probabilities = softmax(verdict_logits(model, *asked).astype(np.float64), axis=1)
        labels = [LABELS[int(row.argmax())] for row in probabilities]
        reasons = rationales(model, *asked, labels)
        model.train(was_training)
        texts = [
            prompts.render(prompts.Answer(label, reason))
            for label, reason in zip(labels, reasons, strict=True)
        ]
        return list(map(self._answer, range(len(texts)), self._examples, probabilities, texts))

    def _answer(
        self, index: int, example: Conversation, probabilities: Sequence[float], text: str
    ) -> WatchedAnswer:
        truth = LABELS[example.label]
        return WatchedAnswer(
            name=f"{index + 1}-{truth}",
            image_id=example.image_id,
            pixels=example.pixels,
            truth=truth,
            expected=self._processor.decode(example.answer),
            probabilities=dict(zip(LABELS, map(float, probabilities), strict=True)),
            text=text,
        )


def _spread(data: TrainingData) -> list[int]:
    """Rows of ``data``, `PER_LABEL` of each label that it has, far apart among their own.

    Neighbours are often crops of one photograph.
    """
    chosen: list[int] = []
    for label in range(len(LABELS)):
        rows = np.flatnonzero(data.labels == label)
        picked = rows[np.linspace(0, len(rows) - 1, min(PER_LABEL, len(rows))).astype(int)]
        chosen += map(int, picked)
    return chosen
