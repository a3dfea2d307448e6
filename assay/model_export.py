"""A model folder as one plain checkpoint, which servers such as vLLM load by themselves."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from assay import fingerprints, model_loading
from assay.errors import ConfigError
from assay.questions import Preparer
from assay.remote_model import LISTED, served_name

_CONTEXT = 4096
"""Tokens of image, question, evidence and reasons together; ours need a fraction."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A checkpoint and how it is to be served."""

    folder: str
    name: str
    """What the server has to call it, so that Assay knows it again."""
    command: tuple[str, ...]
    """Starts vLLM on it."""


def export(model: Path, folder: Path) -> Exported:
    """Merge adapter and base of the model folder ``model`` into ``folder``, in safetensors.

    Weights, tokenizer with its chat form and image settings as transformers reads them; fusion and
    calibration stay with Assay. The folder appears whole or not at all. Raises `ConfigError` where
    there is one of this name already, and `CheckpointMismatch` for no model folder.
    """
    if folder.exists():
        raise ConfigError(f"{folder} is there already; name a new folder, or remove it")
    merged, preparer = model_loading.load(model), Preparer.load(model)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "checkpoint"
        merged.save_pretrained(made)
        preparer.processor.save(made)
        made.rename(folder)
    name = served_name(fingerprints.content_hash(model))
    return Exported(str(folder), name, _command(folder, name))


def _command(folder: Path, name: str) -> tuple[str, ...]:
    return (
        "vllm", "serve", str(folder),
        "--served-model-name", name,
        "--dtype", "bfloat16",
        "--max-model-len", str(_CONTEXT),
        "--max-logprobs", str(LISTED),
        "--limit-mm-per-prompt", json.dumps({"image": 1}),
        "--enable-prefix-caching",
    )  # fmt: skip
