"""A quarter of the bytes: weights as 8-bit integers, quantised when the model is loaded."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


class Int8(ServingStrategy):
    """Symmetric, one scale an output channel (Krishnamoorthi, 2018), through torchao.

    The model folder stays as it is: floating point, in safetensors.
    """

    name = "int8"
    title = "weights in 8-bit integers, activations as stored"
    kind = Kind.PRECISION

    def unavailable(self, value: int = 0) -> str:
        """Why torchao cannot be used here."""
        try:
            version("torchao")
        except PackageNotFoundError:
            return "torchao is not installed: pip install torchao"
        return ""

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Quantise what was loaded."""
        return replace(recipe, transforms=(*recipe.transforms, quantised))


def quantised(model: PreTrainedModel) -> PreTrainedModel:
    """``model`` with the weights of its linear layers in 8 bits.

    The last layer keeps its bits: it is read at three tokens only, and verdicts are its logits.
    """
    for name in ("torchao", "torch.utils._pytree"):  # warn of other hardware and later versions
        logging.getLogger(name).setLevel(logging.ERROR)
    if sys.modules.get("torchao", sys) is None:  # hidden by `assay`
        del sys.modules["torchao"]
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    last = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    quantize_(model, Int8WeightOnlyConfig(), lambda part, _: _is_linear(part) and part is not last)
    return model


def _is_linear(part: nn.Module) -> bool:
    from torch import nn

    return isinstance(part, nn.Linear)
