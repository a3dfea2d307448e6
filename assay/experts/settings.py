"""How the experts' network is trained; light, as a pipeline's signature imports it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from assay.errors import ConfigError
from assay.settings import Seed, Settings, at_home

WANTED = (
    "authentic photographs of high resolution, none of them edited or generated, whose terms allow "
    "that what is learned from them is passed on"
)
"""Which photographs the pre-training asks for."""

_NO_PART_OF_THE_KEY = {"steps", "workers", "checkpoint_every", "held_out_pairs", "origin"}


class PretrainingSettings(Settings):
    """How the experts' network is trained."""

    steps: int = Field(default=20_000, ge=1)
    pairs: int = Field(default=5, ge=1)
    """Pairs of an edited and an untouched image in a step."""
    reuse: int = Field(default=2, ge=1)
    """How often a pair is seen, flipped and turned at random."""
    window: int = Field(default=400, ge=1)
    """Pairs from which a step draws."""
    learning_rate: float = Field(default=1.5e-3, gt=0)
    warmup: int = Field(default=300, ge=1)
    decay_share: float = Field(default=0.3, ge=0, le=1)
    """Of the steps, at the end, over which the learning rate falls to zero."""
    averaging: float = Field(default=0.999, ge=0, lt=1)
    workers: int | None = Field(default=None, ge=0)
    """Processes that make pairs; None is one for each core beside a GPU, else a single one."""
    seed: Seed = 0
    checkpoint_every: int = Field(default=500, ge=1)
    origin: str = ""
    """Where the photographs come from and what their terms are; stands on the card."""
    held_out_pairs: int = Field(default=100, ge=2)
    """Pairs of photographs that are not trained on, scored at each checkpoint."""

    def folder_name(self, photographs: str) -> str:
        """Where checkpoints of these settings and photographs (their hash) lie.

        Without ``steps``, so that a longer run goes on from a shorter one, whose learning rate had
        fallen at its end and rises again; without what changes no weight; and without a
        fingerprint of the code, as hours are too dear for that: the shapes of the weights have to
        fit instead.
        """
        shaping = self.model_dump_json(exclude=_NO_PART_OF_THE_KEY)
        digest = hashlib.sha256(json.dumps([photographs, shaping]).encode())
        return f"experts-{digest.hexdigest()[:16]}"


def _existing(path: str) -> str:
    if not path or not Path(path).is_dir():
        raise ConfigError(f"no such folder; name one of {WANTED}")
    return path


PhotographFolder = Annotated[str, BeforeValidator(at_home), AfterValidator(_existing)]
"""A folder that exists; ``~`` is the user's home."""
