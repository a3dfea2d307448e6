"""Half of the bytes: weights and activations in bfloat16."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class Bf16(ServingStrategy):
    """bfloat16 keeps fp32's range with eight bits of precision (Kalamkar et al., 2019)."""

    name = "bf16"
    title = "weights and activations in bfloat16"
    kind = Kind.PRECISION

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Load in bfloat16."""
        return replace(recipe, dtype="bfloat16")
