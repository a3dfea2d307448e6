"""How many processes hold the model."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class Instances(ServingStrategy):
    """Each holds all weights; worth it where one leaves cores or a GPU idle."""

    name = "instances"
    title = "processes that hold the model"
    kind = Kind.INSTANCES
    values = (2,)

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Hold the model ``value`` times."""
        return replace(recipe, instances=value)
