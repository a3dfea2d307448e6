"""What lies in a model folder and under which name, and the description on top of it.

``assay_model.json``, ``base/`` and ``adapter/`` (safetensors), the ``null_rates.json`` of its
evidence and, once calibrated, ``fusion.json``, ``calibration.json`` and ``embedding.safetensors``,
which older ones lack.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from assay import prompts
from assay.errors import CheckpointMismatch

MODEL_FILE = "assay_model.json"
"""The description at the top of a model folder."""
NULL_RATES_FILE = "null_rates.json"
CALIBRATION_FILE = "calibration.json"
FUSION_FILE = "fusion.json"
EMBEDDING_FILE = "embedding.safetensors"
BASE_FOLDER = "base"
ADAPTER_FOLDER = "adapter"

RECALIBRATED, RETRAINED = "recalibrated", "retrained"
"""Keys of a description under which it says from which model, and on which dataset."""
CAPTURES = "captures"
"""Key under which it says which traffic it was moved to: ``since`` and ``until``, ISO 8601."""
LABELLED = "labelled_dataset"
"""Key under which it says which dataset holds that traffic, beside what the model knew before."""
LEARNING = "learning"
"""Key under which it says what learning from that traffic came to, in a sentence."""

FILES = (
    MODEL_FILE, NULL_RATES_FILE, CALIBRATION_FILE, FUSION_FILE, EMBEDDING_FILE,
    f"{ADAPTER_FOLDER}/adapter_config.json", f"{ADAPTER_FOLDER}/adapter_model.safetensors",
    f"{BASE_FOLDER}/model*.safetensors", f"{BASE_FOLDER}/model.safetensors.index.json",
    f"{BASE_FOLDER}/*config.json",
    f"{BASE_FOLDER}/chat_template.jinja", f"{BASE_FOLDER}/chat_layout.json",
    f"{BASE_FOLDER}/tokenizer.json", f"{BASE_FOLDER}/vocab.json", f"{BASE_FOLDER}/merges.txt",
    f"{BASE_FOLDER}/added_tokens.json", f"{BASE_FOLDER}/special_tokens_map.json",
)  # fmt: skip
"""All that a model folder may hold: text, and weights as safetensors, which run no code."""


def files(path: Path) -> tuple[str, ...]:
    """The relative names of all files of a model folder, sorted.

    Raises `CheckpointMismatch` for anything that is not one of `FILES`, and for links.
    """
    known = []
    for one in (one for one in sorted(path.rglob("*")) if one.is_symlink() or not one.is_dir()):
        name = one.relative_to(path).as_posix()
        if one.is_symlink() or not any(fnmatch(name, pattern) for pattern in FILES):
            kind = "a link" if one.is_symlink() else "no file of a model folder"
            raise CheckpointMismatch(
                f"{path} holds {name}, which is {kind}; only weights as safetensors and their "
                "settings are packaged: remove it"
            )
        known.append(name)
    return tuple(known)


def read_facts(path: Path) -> dict[str, Any]:
    """The description of a model folder; raises `CheckpointMismatch` when it does not fit."""
    try:
        facts: dict[str, Any] = json.loads((path / MODEL_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointMismatch(f"{path} is not a model folder: {error}") from error
    if missing := {"family", "prompt_version", "seen_groups"} - facts.keys():
        raise CheckpointMismatch(f"{path / MODEL_FILE} lacks {', '.join(sorted(missing))}")
    if facts.get("prompt_version") != prompts.PROMPT_VERSION:
        raise CheckpointMismatch(
            f"{path} was trained on prompt version {facts.get('prompt_version')!r}, this is "
            f"{prompts.PROMPT_VERSION!r}: train it again"
        )
    return facts


def version_of(path: Path) -> str:
    """How verdicts and captures name the model in this folder; raises as `read_facts`."""
    return str(read_facts(path).get("version", path.name))
