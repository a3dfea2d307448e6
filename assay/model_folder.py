"""What lies in a model folder and under which name, and the description on top of it.

``assay_model.json``, ``base/`` and ``adapter/`` (safetensors), the ``null_rates.json`` of its
evidence and, once calibrated, ``fusion.json`` and ``calibration.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assay import prompts
from assay.errors import CheckpointMismatch

MODEL_FILE = "assay_model.json"
"""The description at the top of a model folder."""
NULL_RATES_FILE = "null_rates.json"
CALIBRATION_FILE = "calibration.json"
FUSION_FILE = "fusion.json"
BASE_FOLDER = "base"
ADAPTER_FOLDER = "adapter"


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
