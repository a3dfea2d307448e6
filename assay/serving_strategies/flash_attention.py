"""Attention in tiles that stay on the GPU's chip."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy
from assay.serving_strategies.gpus import lacking


class FlashAttention(ServingStrategy):
    """FlashAttention-2 (Dao, 2023): only in half precision, so bfloat16 unless fp16 is chosen."""

    name = "flash_attention"
    title = "attention in tiles on the GPU (FlashAttention-2)"
    kind = Kind.ATTENTION

    def unavailable(self, value: int = 0) -> str:
        """Why it cannot be used here."""
        return lacking("flash_attn", "pip install flash-attn")

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Attend in tiles."""
        dtype = recipe.dtype if recipe.dtype == "float16" else "bfloat16"
        return replace(recipe, attention="flash_attention_2", dtype=dtype)
