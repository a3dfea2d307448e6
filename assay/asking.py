"""The two things that a model is asked about an image: which verdict word, and why.

Whether it is one in training (`assay.watching`) or a finished one (`assay.detector`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay import models, prompts
from assay.records import Label, Pixels

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_MAX_NEW_TOKENS = 96


def verdict_logits(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
) -> npt.NDArray[np.float32]:
    """Logits ``[n, 3]`` of the verdict words' first tokens after the questions ``rows``.

    One prefill; ``pixels`` are resized and ``rows`` hold token ids, an image each. The model is
    taken in the mode that it is in: evaluation, unless dropout is wanted.
    """
    import torch

    with torch.inference_mode():
        logits = model(**_batch(model, processor, pixels, rows), logits_to_keep=1, use_cache=False)
    verdicts = logits.logits[:, -1, processor.verdict_ids()].float().cpu().numpy()
    return np.asarray(verdicts, dtype=np.float32)


def rationales(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
    labels: Sequence[Label],
) -> list[str]:
    """The reasons that ``model`` writes after verdicts that were already decided, one an image."""
    import torch

    openings = [prompts.render(prompts.Answer(label)) for label in labels]
    begun = [
        [*row, *processor.answer_ids(opening)[:-1]]
        for row, opening in zip(rows, openings, strict=True)
    ]
    batch = _batch(model, processor, pixels, begun)
    with torch.inference_mode():
        output: Any = model.generate(  # type: ignore[operator]
            **batch, max_new_tokens=_MAX_NEW_TOKENS, do_sample=False
        )
    width = batch["input_ids"].shape[1]
    return [processor.decode(row[width:].tolist()).strip() for row in output]


def _batch(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
) -> dict[str, Tensor]:
    batch = processor.collate(pixels, rows)
    return {name: tensor.to(model.device) for name, tensor in batch.items()}
