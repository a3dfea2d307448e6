"""The adapter kept beside the layers that it changes."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class UnmergedAdapter(ServingStrategy):
    """Two small products more a layer (Hu et al., 2021), and no rounding of merged weights."""

    name = "unmerged_adapter"
    title = "the adapter applied beside the base instead of merged into it"
    kind = Kind.ADAPTER

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Do not merge."""
        return replace(recipe, merges_adapter=False)
