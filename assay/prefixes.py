"""What all questions to a model begin with, read once: its keys and values stand in for it.

A batch then lies as ``[prefix | padding | rest]``; positions are those of the questions as a whole,
so that answers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assay import models
from assay.errors import CheckpointMismatch
from assay.records import Pixels

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache, PreTrainedModel


class Prefix:
    """The tokens before the image, as one model has read them."""

    def __init__(self, model: PreTrainedModel, processor: models.Processor) -> None:
        import torch

        self._model, self._processor = model, processor
        self._ids = processor.prefix_ids()
        with torch.inference_mode():
            read = model(input_ids=torch.tensor([self._ids]).to(model.device), use_cache=True)
            self._read = [(layer.keys, layer.values) for layer in read.past_key_values.layers]

    def batch(self, pixels: Sequence[Pixels], rows: Sequence[list[int]]) -> dict[str, Any]:
        """What the model is given in the place of whole questions; arguments as of `collate`.

        ``attention_mask`` ``[b, s]`` covers the prefix, ``input_ids`` and ``position_ids`` begin
        after it. Raises `CheckpointMismatch` for a question that begins otherwise.
        """
        rest = self._processor.collate(pixels, list(map(self._after, rows)))
        rest = {name: tensor.to(self._model.device) for name, tensor in rest.items()}
        mask = rest["attention_mask"]
        read = mask.new_zeros(len(rows), len(self._ids))
        whole = {
            "input_ids": self.before(rest["input_ids"]),
            "attention_mask": _joined(read + 1, mask),
            "mm_token_type_ids": _joined(read.int(), rest["mm_token_type_ids"]),
            "image_grid_thw": rest["image_grid_thw"],
        }
        positions = self._processor.positions(self._model, whole)
        return rest | {
            "attention_mask": whole["attention_mask"],
            "position_ids": positions[..., len(self._ids) :],
            "past_key_values": self._cache(len(rows)),
        }

    def before(self, ids: Tensor) -> Tensor:
        """``ids`` ``[b, s]`` with the prefix put before every row."""
        return _joined(ids.new_tensor(self._ids).expand(len(ids), -1), ids)

    def _after(self, row: list[int]) -> list[int]:
        if row[: len(self._ids)] != self._ids:
            raise CheckpointMismatch("a question does not begin as all questions to this model do")
        return row[len(self._ids) :]

    def _cache(self, rows: int) -> DynamicCache:
        """A fresh cache that holds the prefix ``rows`` times: reading on adds to it."""
        from transformers import DynamicCache

        cache = DynamicCache()
        for layer, (keys, values) in enumerate(self._read):
            cache.update(*(one.expand(rows, -1, -1, -1) for one in (keys, values)), layer)
        return cache


def _joined(first: Tensor, second: Tensor) -> Tensor:
    import torch

    return torch.cat([first, second], dim=1)
