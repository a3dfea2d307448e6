"""An eighth of the bytes on a GPU: weights in four bits."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy
from assay.serving_strategies.gpus import lacking


class BitsAndBytes4Bit(ServingStrategy):
    """4-bit NormalFloat with doubly quantised scales (Dettmers et al., 2023), products in bfloat16.

    The adapter stays unmerged: merged, its small changes would be rounded away with the base.
    """

    name = "bitsandbytes_4bit"
    title = "4-bit weights by bitsandbytes"
    kind = Kind.PRECISION

    def unavailable(self, value: int = 0) -> str:
        """Why it cannot be used here."""
        return lacking("bitsandbytes", "pip install bitsandbytes")

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Quantise while loading."""
        options: tuple[tuple[str, str | bool], ...] = (
            ("quant_method", "bitsandbytes"),
            ("load_in_4bit", True),
            ("bnb_4bit_quant_type", "nf4"),
            ("bnb_4bit_use_double_quant", True),
            ("bnb_4bit_compute_dtype", "bfloat16"),
        )
        return replace(recipe, dtype="bfloat16", quantization=options, merges_adapter=False)
