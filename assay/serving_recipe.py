"""How a model is loaded and asked when it serves: what strategies change, and loading obeys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Transform = Callable[["PreTrainedModel"], "PreTrainedModel"]
"""What is done to a model once its weights are loaded and its adapter is merged."""


@dataclass(frozen=True, slots=True)
class ServingRecipe:
    """One way to serve a model; the defaults are as it was trained and evaluated."""

    dtype: str = "float32"
    """Of weights and activations, as torch names it."""
    load_options: tuple[tuple[str, Any], ...] = ()
    """Further arguments of transformers' ``from_pretrained``, such as an attention."""
    merges_adapter: bool = True
    transforms: tuple[Transform, ...] = ()
    """In this order."""
    max_pixels: int | None = None
    """Of the image that the model sees; None for what it was trained on."""
    caches_prefix: bool = False
    """Whether the tokens that all questions begin with are read once."""
    remote: bool = False
    """Whether a server of its own, such as vLLM, answers in the place of loaded weights."""
    experts: str = "torch"
    """The runtime of the experts' networks."""
    batch_size: int = 16
    """Questions that are answered together, at most."""
    queue_delay_ms: float = 0.0
    """How long the first question of a batch waits for others."""
    threads: int = 1
    """Of the process that holds the model."""
    instances: int = 1
    """Processes that hold the model, for each device."""
    evidence_workers: int | None = None
    """Processes that measure; None for one a core."""


DEFAULT = ServingRecipe()
