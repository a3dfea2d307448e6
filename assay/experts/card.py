"""What shipped weights of the experts were made of, how, and how well they do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CARD = "card.json"
"""The card's name, beside the weights that it is about."""


@dataclass(frozen=True, slots=True)
class ExpertsCard:
    """The facts about a pre-training."""

    photographs: tuple[str, ...]
    """Names of those it learned from."""
    held_out: tuple[str, ...]
    """Names of those that it was only scored on."""
    left_out: Mapping[str, str]
    """Why other files of the folder were not used, by name."""
    photographs_hash: str
    """SHA-256 over names and bytes of all photographs."""
    settings: Mapping[str, Any]
    parameters: int
    steps: int
    hours: float
    """Of training, with those before a restart."""
    device: str
    scores: Mapping[str, float]
    """Of the last step, on pairs of the held-out photographs."""
    git_commit: str
    remark: str = ""
    """How the weights came about where one run with these settings would not give them."""

    @classmethod
    def load(cls, folder: Path) -> ExpertsCard:
        """Read what `save` wrote."""
        stored = json.loads((folder / CARD).read_text(encoding="utf-8"))
        named = {name: tuple(stored[name]) for name in ("photographs", "held_out")}
        return cls(**stored | named)

    def save(self, folder: Path) -> None:
        """Write the card into ``folder``."""
        (folder / CARD).write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")
