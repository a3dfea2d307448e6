"""As the weights were trained: what all others are compared with."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class Fp32(ServingStrategy):
    """Single precision throughout."""

    name = "fp32"
    title = "weights and activations in float32"
    kind = Kind.PRECISION

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Load in float32."""
        return replace(recipe, dtype="float32")
