"""How a model is loaded and asked when it serves: what strategies change, and loading obeys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Transform = Callable[["PreTrainedModel"], "PreTrainedModel"]
"""What is done to a model once its weights are loaded and its adapter stands in it."""


@dataclass(frozen=True, slots=True)
class ServingRecipe:
    """One way to serve a model; the defaults are as it was trained and evaluated.

    Hashable, and can be sent to other processes.
    """

    dtype: str = "auto"
    """Of weights and activations, as torch names it; ``auto`` is as the weights are stored."""
    attention: str = ""
    """An implementation, as transformers names it; empty for the one that it takes by itself."""
    quantization: tuple[tuple[str, str | bool], ...] = ()
    """Transformers' ``quantization_config``, for weights that are loaded quantised."""
    merges_adapter: bool = True
    transforms: tuple[Transform, ...] = ()
    """In this order."""
    pixels: float = 1.0
    """Share of the pixel budget that the model was trained with."""
    caches_prefix: bool = False
    """Whether the tokens that all questions begin with are read once."""
    remote: bool = False
    """Whether a server of its own, such as vLLM, answers in the place of loaded weights."""
    batch_size: int = 16
    """Questions that are answered together, at most."""
    threads: int | None = None
    """Of torch in the process that holds the model; None for torch's own choice."""
    instances: int = 1
    """Processes that hold the model, for each device."""
    evidence_workers: int | None = None
    """Processes that measure; None for one a core."""


DEFAULT = ServingRecipe()
