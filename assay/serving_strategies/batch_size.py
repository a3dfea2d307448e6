"""How many questions are answered together."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class BatchSize(ServingStrategy):
    """Larger batches share the reading of the weights, and make their first image wait."""

    name = "batch_size"
    title = "images that are answered together, at most"
    kind = Kind.BATCH
    values = (1, 4, 8, 32)

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Answer ``value`` together."""
        return replace(recipe, batch_size=value)
