"""A model folder becomes a model in this process, as a serving recipe says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import models
from assay.errors import CheckpointMismatch
from assay.model_folder import ADAPTER_FOLDER, BASE_FOLDER, read_facts
from assay.serving_recipe import DEFAULT, ServingRecipe

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load(path: Path, recipe: ServingRecipe = DEFAULT) -> PreTrainedModel:
    """The model of a folder with its adapter, in evaluation mode, on the GPU if there is one.

    Sets torch's threads for the whole process where ``recipe`` says how many. Raises
    `CheckpointMismatch` when a part is missing or does not fit.
    """
    import torch

    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    family = models.family(read_facts(path)["family"])
    base = family.load_model(path / BASE_FOLDER, recipe)
    model = _with_adapter(base, path / ADAPTER_FOLDER, merges=recipe.merges_adapter)
    model.train(False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if model.device.type != device:  # what was quantised while loading is there, and cannot move
        model.to(device)  # type: ignore[arg-type]  # transformers wraps it, untyped
    for transform in recipe.transforms:
        model = transform(model)
    return model


def load_trainable(path: Path) -> PreTrainedModel:
    """The base of a folder with its adapter beside it, whose weights alone can be trained.

    Raises `CheckpointMismatch` as `load`.
    """
    base = models.family(read_facts(path)["family"]).load_model(path / BASE_FOLDER)
    model: PreTrainedModel = _adapted(base, path / ADAPTER_FOLDER, is_trainable=True)
    return model


def _with_adapter(base: PreTrainedModel, adapter: Path, *, merges: bool) -> PreTrainedModel:
    """The base with the adapter merged into it, or beside each layer that it changes.

    Merged it is the same function, without its extra products.
    """
    adapted = _adapted(base, adapter, is_trainable=False)
    done: PreTrainedModel = adapted.merge_and_unload() if merges else adapted.get_base_model()
    return done


def _adapted(base: PreTrainedModel, adapter: Path, *, is_trainable: bool) -> Any:
    from peft import PeftModel
    from safetensors import SafetensorError

    if not (adapter / "adapter_model.safetensors").is_file():  # peft would take a pickle instead
        raise CheckpointMismatch(f"{adapter} holds no adapter_model.safetensors: train it again")
    try:
        return PeftModel.from_pretrained(base, adapter, is_trainable=is_trainable)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointMismatch(f"{adapter} does not fit its base: {error}") from error
