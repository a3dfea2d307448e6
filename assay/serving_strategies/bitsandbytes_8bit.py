"""A quarter of the bytes on a GPU: 8-bit products, outliers in half precision."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy
from assay.serving_strategies.gpus import lacking


class BitsAndBytes8Bit(ServingStrategy):
    """LLM.int8() (Dettmers et al., 2022); what is not quantised is in bfloat16.

    The adapter stays unmerged: merged, its small changes would be rounded away with the base.
    """

    name = "bitsandbytes_8bit"
    title = "8-bit weights and products by bitsandbytes"
    kind = Kind.PRECISION

    def unavailable(self, value: int = 0) -> str:
        """Why it cannot be used here."""
        return lacking("bitsandbytes", "pip install bitsandbytes")

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Quantise while loading."""
        options = (("quant_method", "bitsandbytes"), ("load_in_8bit", True))
        return replace(recipe, dtype="bfloat16", quantization=options, merges_adapter=False)
