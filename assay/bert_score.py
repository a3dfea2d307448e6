"""BERTScore: how alike two texts are to a language model that lies in a folder here.

Zhang et al. 2020, "BERTScore: Evaluating Text Generation with BERT", without idf weights and
without rescaling: figures of two encoders, or of two layers, do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, DirectoryPath

from assay.errors import CheckpointMismatch
from assay.settings import Settings, at_home

if TYPE_CHECKING:
    from torch import Tensor

_AT_ONCE = 32
_LONGEST = 512
"""Tokens of a text that are compared: what published encoders read."""


class BertScoreSettings(Settings):
    """Which encoder, if any."""

    folder: Annotated[DirectoryPath | None, BeforeValidator(at_home)] = None
    """A checkpoint in the form of Hugging Face, safetensors only; None leaves the score out."""
    layer: int = -1
    """Whose outputs are compared; the paper names the best one of each encoder."""


def scores(written: Sequence[str], references: Sequence[str], settings: BertScoreSettings) -> Any:
    """F1 of each pair ``[n]``, at most 1; raises `CheckpointMismatch` for what is no encoder."""
    import numpy as np

    assert settings.folder is not None  # noqa: S101 (who asks has looked)
    model, tokenizer = _load(settings.folder)
    found: list[float] = []
    for start in range(0, len(written), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        said = _embedded(model, tokenizer, written[part], settings.layer)
        wanted = _embedded(model, tokenizer, references[part], settings.layer)
        found += map(_f1, said, wanted)
    return np.array(found, np.float64)


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **where)
        model: Any = AutoModel.from_pretrained(folder, use_safetensors=True, **where)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointMismatch(
            f"evaluation.bert_score.folder: {folder} is no encoder with safetensors: {error}"
        ) from error
    return model.eval(), tokenizer


def _embedded(model: Any, tokenizer: Any, texts: Sequence[str], layer: int) -> list[Tensor]:
    """Unit vectors of each text's tokens ``[t, d]``, those around it left out."""
    import torch

    batch = tokenizer(
        list(texts),
        padding=True,
        truncation=True,
        max_length=_LONGEST,
        return_tensors="pt",
        return_special_tokens_mask=True,
    )
    own = ~batch.pop("special_tokens_mask").bool() & batch["attention_mask"].bool()
    with torch.inference_mode():
        states = model(**batch, output_hidden_states=True).hidden_states[layer]
    unit = torch.nn.functional.normalize(states.float(), dim=-1)
    return [vectors[chosen] for vectors, chosen in zip(unit, own, strict=True)]


def _f1(said: Tensor, wanted: Tensor) -> float:
    """Each token finds the one most like it; 0 where a text has none."""
    if not len(said) or not len(wanted):
        return 0.0
    alike = said @ wanted.T
    precision, recall = float(alike.amax(1).mean()), float(alike.amax(0).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
