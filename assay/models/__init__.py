"""Model families: each file is the only one that knows its architecture, tokenizer and pixels.

A new family is one new file with one `ModelFamily`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from assay import plugins
from assay.records import Pixels
from assay.serving_recipe import DEFAULT, ServingRecipe
from assay.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


class Processor(Protocol):
    """Turns pixels, questions and answers into the tensors of one family."""

    def resize(self, pixels: Pixels) -> Pixels:
        """``[h, w, 3]`` at the size that the model sees, so that it can be cached."""

    def content(self, question: str) -> list[dict[str, str]]:
        """The user turn in the chat form: parts of ``type`` image, or text with its ``text``."""

    def prompt_ids(self, size: tuple[int, int], question: str) -> list[int]:
        """Token ids up to where the answer begins; ``size`` is (width, height) after `resize`."""

    def answer_ids(self, text: str) -> list[int]:
        """Token ids of an answer, end of turn included."""

    def verdict_ids(self) -> list[int]:
        """The first token of each verdict word, in the order of `Label`; all differ."""

    def collate(self, images: Sequence[Pixels], rows: Sequence[list[int]]) -> dict[str, Tensor]:
        """One left-padded batch, ready for the model's ``forward`` and ``generate``."""

    def features(self, model: PreTrainedModel, images: Sequence[Pixels]) -> Tensor:
        """What the vision tower of ``model`` sees in ``images`` of one size, ``[b, d]`` in fp32.

        The mean over an image's tokens. Sides are multiples of `assay.embedding.SIDE`.
        """

    def prefix_ids(self) -> list[int]:
        """The tokens that every prompt begins with, up to its image."""

    def positions(self, model: PreTrainedModel, batch: dict[str, Tensor]) -> Tensor:
        """Position ids ``[..., b, s]`` of a batch by `collate`, from which ``model`` writes on."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text of generated token ids, without special tokens."""

    def save(self, path: Path) -> None:
        """Write tokenizer and image settings into the folder ``path``."""


class ModelFamily(ABC):
    """One architecture: how a base comes to be, and how it is loaded."""

    name: ClassVar[str]
    lora_targets: ClassVar[str]
    """Regular expression over module names that receive a LoRA adapter."""
    settings: ClassVar[type[Settings]]
    """The options of `create_base`."""

    @abstractmethod
    def create_base(self, options: dict[str, Any], seed: int, path: Path) -> None:
        """Write a base (weights, tokenizer, image settings) into the folder ``path``."""

    @abstractmethod
    def load_model(self, path: Path, recipe: ServingRecipe = DEFAULT) -> PreTrainedModel:
        """Load the weights of a base, safetensors only; raises `CheckpointMismatch`.

        Of ``recipe`` precision, attention and quantisation are obeyed; adapters come later.
        """

    @abstractmethod
    def load_processor(self, path: Path, recipe: ServingRecipe = DEFAULT) -> Processor:
        """Load the matching processor, with the pixel budget of ``recipe``.

        Raises `CheckpointMismatch`.
        """


def family(name: str) -> ModelFamily:
    """The family called ``name``; raises `UnknownPlugin`."""
    return plugins.find(__name__, ModelFamily, name)()
