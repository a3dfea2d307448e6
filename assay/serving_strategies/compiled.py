"""Layers compiled into fused kernels: slow to begin with, faster from then on."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BACKEND = "inductor"
"""Of torch.compile; it writes C++ on a CPU and Triton on a GPU."""
_COMPILERS = ("g++", "clang++")


class Compiled(ServingStrategy):
    """torch.compile (Ansel et al., 2024), layer by layer: equal layers share what is compiled."""

    name = "compiled"
    title = "layers compiled by torch.compile"
    kind = Kind.COMPILATION

    def unavailable(self, value: int = 0) -> str:
        """Why nothing can be compiled here."""
        named = os.environ.get("CXX", "")
        if any(map(shutil.which, (*_COMPILERS, *named.split()[:1]))):
            return ""
        return "there is no C++ compiler: apt-get install g++, or set CXX"

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Compile what was loaded."""
        return replace(recipe, transforms=(*recipe.transforms, compiled))


def compiled(model: PreTrainedModel) -> PreTrainedModel:
    """``model`` whose repeated layers are compiled when they first run, for inputs of any shape."""
    layers = set(model._no_split_modules or ())  # noqa: SLF001 (the layers that are repeated)
    for part in model.modules():
        if type(part).__name__ in layers:
            part.compile(dynamic=True, backend=BACKEND)
    return model
