"""The tokens that every question begins with, read once."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class PrefixCache(ServingStrategy):
    """Their keys and values are kept (Gim et al., 2023); a gain where much stands before the image.

    Answers are the same up to the order of sums.
    """

    name = "prefix_cache"
    title = "the beginning that all questions share read once"
    kind = Kind.PREFIX

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Keep what was read of the beginning."""
        return replace(recipe, caches_prefix=True)
