"""How many cores one prefill may use."""

from __future__ import annotations

from dataclasses import replace

from assay.parallel import cores
from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy


class Threads(ServingStrategy):
    """More finish one batch sooner, and take cores from the processes that measure evidence."""

    name = "threads"
    title = "threads of the process that holds the model"
    kind = Kind.THREADS
    values = (1, 2, 4)

    def unavailable(self, value: int = 0) -> str:
        """Why so many threads would only wait for one another."""
        return too_many(value, "threads")

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Use ``value`` threads."""
        return replace(recipe, threads=value)


def too_many(wanted: int, what: str) -> str:
    """That there are fewer cores than ``wanted``, or nothing."""
    if wanted <= (available := cores()):
        return ""
    return f"{wanted} {what} would share {available} cores: take a machine with more"
