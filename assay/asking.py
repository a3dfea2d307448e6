"""The two things that a model is asked about an image: which verdict word, and why.

Whether it is one in training (`assay.watching`) or a finished one (`assay.detector`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from assay import embedding, models, prompts
from assay.embedding import Features
from assay.prefixes import Prefix
from assay.questions import Question
from assay.records import Label, Pixels

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MAX_NEW_TOKENS = 96
"""Of the reasons of one answer, at most."""


class Answered(Protocol):
    """Questions that were asked: the verdict words, and the reasons from there on."""

    verdict_logits: npt.NDArray[np.float32]
    """Logits ``[n, 3]`` of the verdict words, up to a constant of the row."""

    def rationales(self, labels: Sequence[Label]) -> list[str]:
        """The reasons after verdicts that were decided meanwhile, one a question."""


class Backend(Protocol):
    """Who answers questions: a model in this process, or a server elsewhere."""

    def verdict_logits(self, questions: Sequence[Question]) -> npt.NDArray[np.float32]:
        """Logits ``[n, 3]`` of the verdict words, up to a constant of the row."""

    def read(self, questions: Sequence[Question]) -> Answered:
        """The same, with the possibility to ask for reasons."""

    def features(self, pixels: Sequence[Pixels]) -> Features:
        """What the vision tower sees in images, ``[n, d]``; ``[n, 0]`` where nobody tells."""


class LoadedModel:
    """A model in this process; ``prefix`` is what all questions begin with, if it was read."""

    def __init__(
        self, model: PreTrainedModel, processor: models.Processor, prefix: Prefix | None = None
    ) -> None:
        self.model = model
        self._processor, self._prefix = processor, prefix

    def verdict_logits(self, questions: Sequence[Question]) -> npt.NDArray[np.float32]:
        """See the function of that name."""
        pixels, rows = _columns(questions)
        return verdict_logits(self.model, self._processor, pixels, rows, self._prefix)

    def read(self, questions: Sequence[Question]) -> Reading:
        """The same, with the possibility to ask for reasons."""
        return Reading(self.model, self._processor, *_columns(questions), self._prefix)

    def features(self, pixels: Sequence[Pixels]) -> Features:
        """What the vision tower sees in images of any size, ``[n, d]``, each as a small square."""
        import torch

        with torch.inference_mode():
            seen = self._processor.features(self.model, list(map(embedding.square, pixels)))
        return np.asarray(seen.cpu().numpy(), dtype=np.float32)


def verdict_logits(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
    prefix: Prefix | None = None,
) -> npt.NDArray[np.float32]:
    """Logits ``[n, 3]`` of the verdict words' first tokens after the questions ``rows``.

    One prefill; ``pixels`` are resized and ``rows`` hold token ids, an image each. The model is
    taken in the mode that it is in: evaluation, unless dropout is wanted.
    """
    import torch

    with torch.inference_mode():
        batch = _batch(model, processor, pixels, rows, prefix)
        return _verdicts(model, processor, _read(model, batch, use_cache=prefix is not None))


class Reading:
    """Questions that a model has read once: its verdict words, and its reasons from there on."""

    def __init__(
        self,
        model: PreTrainedModel,
        processor: models.Processor,
        pixels: Sequence[Pixels],
        rows: Sequence[list[int]],
        prefix: Prefix | None = None,
    ) -> None:
        import torch

        self._model, self._processor, self._prefix = model, processor, prefix
        with torch.inference_mode():
            self._batch = _batch(model, processor, pixels, rows, prefix)
            read = _read(model, self._batch, use_cache=True)
            self.verdict_logits = _verdicts(model, processor, read)
            """As the function of that name gives them ``[n, 3]``."""
        self._cache = read.past_key_values

    def rationales(self, labels: Sequence[Label]) -> list[str]:
        """The reasons after verdicts that were decided meanwhile, one a question; to be asked once.

        Goes on where reading ended, so that images and questions are read a single time.
        """
        import torch

        ids, mask = self._batch["input_ids"], self._batch["attention_mask"]
        if self._prefix is not None:
            ids = self._prefix.before(ids)
        begun = torch.tensor([_opening(self._processor, label) for label in labels]).to(ids.device)
        ids = torch.cat([ids, begun], dim=1)
        with torch.inference_mode():
            output: Any = self._model.generate(  # type: ignore[operator]
                input_ids=ids,
                attention_mask=torch.cat([mask, torch.ones_like(begun)], dim=1),
                past_key_values=self._cache,
                max_new_tokens=MAX_NEW_TOKENS,
                do_sample=False,
            )
        width = ids.shape[1]
        return [self._processor.decode(row[width:].tolist()).strip() for row in output]


def rationales(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
    labels: Sequence[Label],
) -> list[str]:
    """The reasons that ``model`` writes after verdicts that were already decided, one an image."""
    return Reading(model, processor, pixels, rows).rationales(labels)


def _read(model: PreTrainedModel, batch: dict[str, Any], *, use_cache: bool) -> Any:
    """What the model below its last layer makes of a batch; an adapter that is in it works on."""
    bare = getattr(model, "get_base_model", lambda: model)()
    return bare.base_model(**batch, use_cache=use_cache)


def _verdicts(
    model: PreTrainedModel, processor: models.Processor, read: Any
) -> npt.NDArray[np.float32]:
    """The last layer for the verdict words alone, and in fp32 whatever the model computes in.

    Rounded to bfloat16, logits of different images are the same ones too often to rank by.
    """
    words = model.get_output_embeddings().weight[processor.verdict_ids()]  # type: ignore[no-untyped-call]
    logits = read.last_hidden_state[:, -1].float() @ words.float().T
    return np.asarray(logits.cpu().numpy(), dtype=np.float32)


def _opening(processor: models.Processor, label: Label) -> list[int]:
    """Tokens of the verdict that reasons follow: as many for every label."""
    return processor.answer_ids(prompts.render(prompts.Answer(label)))[:-1]


def _columns(questions: Sequence[Question]) -> tuple[list[Pixels], list[list[int]]]:
    """The images and the token rows of a batch."""
    return [one.pixels for one in questions], [one.prompt_ids for one in questions]


def _batch(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
    prefix: Prefix | None,
) -> dict[str, Any]:
    if prefix is not None:
        return prefix.batch(pixels, rows)
    batch = processor.collate(pixels, rows)
    return {name: tensor.to(model.device) for name, tensor in batch.items()}
