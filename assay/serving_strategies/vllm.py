"""The model behind a server of its own, which batches across requests and caches prefixes."""

from __future__ import annotations

import os
from dataclasses import replace

from assay.serving_recipe import ServingRecipe
from assay.serving_strategies import Kind, ServingStrategy

URL_VARIABLE = "ASSAY_VLLM_URL"
"""Where the server answers, as ``http://127.0.0.1:8000``."""


class Vllm(ServingStrategy):
    """vLLM: paged attention and continuous batching (Kwon et al., SOSP 2023)."""

    name = "vllm"
    title = "a vLLM server on a GPU host, asked for one token a verdict"
    kind = Kind.ENGINE

    def unavailable(self, value: int = 0) -> str:
        """Only where somebody has started a server, which needs a GPU."""
        if os.environ.get(URL_VARIABLE):
            return ""
        return f"{URL_VARIABLE} names no server: docs/vllm.md says how to start one"

    def apply(self, recipe: ServingRecipe, value: int = 0) -> ServingRecipe:
        """Load no weights here, and ask the server."""
        return replace(recipe, remote=True)
