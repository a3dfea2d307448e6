"""Attention as plain products: the reference that faster ones are held against."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class EagerAttention(ServingStrategy):
    """Every score is written to memory; short questions hardly notice."""

    name = "eager_attention"
    title = "attention as plain matrix products"
    kind = Kind.ATTENTION

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Attend eagerly."""
        return replace(recipe, attention="eager")
