"""Whether a verdict holds where something harmless happens to the image: who re-shares it, does so.

An image that is called something else once it is recompressed, halved or captured from a screen
was decided by traces that do not last, and is better looked at by a person.
"""

from __future__ import annotations

from pathlib import Path

from assay import images, intake
from assay.perturbations import PERTURBATIONS
from assay.questions import Question
from assay.serving_recipe import DEFAULT, ServingRecipe

NAMES = ("jpeg 70", "resize 0.5", "screenshot jpeg")
"""The perturbations (`assay.perturbations`) that are tried, in the order of answers."""

_BY_NAME = {one.name: one for one in PERTURBATIONS if one.name in NAMES}


def prepare(
    model: Path, data: bytes, name: str, key: str, recipe: ServingRecipe = DEFAULT
) -> Question:
    """The question about encoded image ``data`` after the perturbation ``name`` of `NAMES`.

    What is drawn (the frame of a screenshot) is determined by ``key``. Raises as `intake.prepare`.
    """
    changed = _BY_NAME[name].apply(images.decode(data).pixels, key)
    return intake.prepare(model, changed, recipe=recipe).question
