"""Attention by torch's own fused function, which transformers takes where nothing else is asked."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class SdpaAttention(ServingStrategy):
    """``scaled_dot_product_attention``: scores stay in the cache of the processor."""

    name = "sdpa_attention"
    title = "attention fused by torch"
    kind = Kind.ATTENTION

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Attend by torch's function."""
        return replace(recipe, attention="sdpa")
