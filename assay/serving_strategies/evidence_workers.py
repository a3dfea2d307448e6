"""How many images are measured at the same time."""

from __future__ import annotations

from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy
from assay.serving_strategies.threads import too_many


class EvidenceWorkers(ServingStrategy):
    """Fewer than there are cores leaves the rest to the model."""

    name = "evidence_workers"
    title = "processes that measure evidence"
    kind = Kind.WORKERS
    values = (1, 2, 4)

    def unavailable(self, value: int = 0) -> str:
        """Why so many processes would only wait for one another."""
        return too_many(value, "processes")

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Measure in ``value`` processes."""
        return replace(recipe, evidence_workers=value)
