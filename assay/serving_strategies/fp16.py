"""Half of the bytes: weights and activations in float16."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class Fp16(ServingStrategy):
    """float16 is more precise than bfloat16, and overflows beyond 65504 (IEEE 754 binary16)."""

    name = "fp16"
    title = "weights and activations in float16"
    kind = Kind.PRECISION

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Load in float16."""
        return replace(recipe, dtype="float16")
