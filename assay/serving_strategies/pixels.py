"""Smaller images: fewer tokens to read, and finer traces lost."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class Pixels(ServingStrategy):
    """Images are scaled down to a share of the pixels that the model was trained on.

    Evidence is measured before that, at full size.
    """

    name = "pixels"
    title = "percent of the pixel budget that the model was trained with"
    kind = Kind.PIXELS
    values = (75, 50, 25)

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Let the model see ``value`` percent."""
        return replace(recipe, pixels=value / 100)
